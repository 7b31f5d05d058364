"use client"
import { type ButtonHTMLAttributes, type FormEvent, type InputHTMLAttributes, type ReactNode, useId } from "react"
import type { WatchwordError } from "../problem.js"

type Fields = Record<string, InputHTMLAttributes<HTMLInputElement> & { label: string }>

/** A form with its fields and what was wrong with each. Gives what was typed by name. */
export function Form(props: {
  fields: Fields
  submit: string
  onSubmit: (typed: Record<string, string>) => void
  error: WatchwordError | undefined
  pending: boolean
  children?: ReactNode
}) {
  const id = useId()
  const { fields, error } = props
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    props.onSubmit(Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>)
  }
  return (
    <form className="ww-form" onSubmit={send} aria-busy={props.pending}>
      {Object.entries(fields).map(([name, { label, ...input }]) => {
        const wrong = error?.fields.find(({ field }) => field === name)
        const at = id + name
        return (
          <div className="ww-field" key={name}>
            <label htmlFor={at}>{label}</label>
            <input
              id={at}
              name={name}
              required
              aria-invalid={!!wrong}
              aria-describedby={wrong && `${at}e`}
              {...input}
            />
            {wrong && <p id={`${at}e`}>Expected {wrong.expected}</p>}
          </div>
        )
      })}
      <Wrong error={error} />
      <button type="submit" disabled={props.pending}>
        {props.submit}
      </button>
      {props.children}
    </form>
  )
}

/** What went wrong, said aloud. */
export const Wrong = ({ error }: { error: WatchwordError | undefined }) => (
  <div role="alert" className="ww-error">
    {error?.message}
  </div>
)

/** A button that sends no form. */
export const Button = (props: ButtonHTMLAttributes<HTMLButtonElement>) => <button type="button" {...props} />
