"""An app beside a server of its own, `Auth(server=…, key=…)`: the same gate, guards and actions, over HTTP."""
