"""All workflows, for the worker and the replay tests."""

from workflows.request import RequestWorkflow
from workflows.step import StepWorkflow

WORKFLOWS = (RequestWorkflow, StepWorkflow)
