"""One file a subject."""

from fastapi import APIRouter

from api.routes import central_agent, context, costs, events, fork, health, messages, plans, requests

ROUTERS: tuple[APIRouter, ...] = (
    requests.router,
    plans.router,
    costs.router,
    events.router,
    messages.router,
    fork.router,
    context.router,
    central_agent.router,
    health.router,
)
