"""One file a subject."""

from fastapi import APIRouter

from api.routes import (
    central_agent,
    context,
    costs,
    events,
    fork,
    health,
    messages,
    plans,
    requests,
    tool_calls,
    tool_rules,
    tool_servers,
    tool_sign_ins,
    tools,
)

ROUTERS: tuple[APIRouter, ...] = (
    requests.router,
    plans.router,
    costs.router,
    tool_calls.router,
    events.router,
    messages.router,
    fork.router,
    context.router,
    tool_servers.router,
    tool_sign_ins.router,
    tools.router,
    tool_rules.router,
    central_agent.router,
    health.router,
)
