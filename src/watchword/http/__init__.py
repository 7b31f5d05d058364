"""HTTP without a framework: Request, Response, Route, the kernel that runs a route, problem documents, OpenAPI."""
