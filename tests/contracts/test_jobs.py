from datetime import timedelta

from contracts.fairness import fair_priority
from contracts.jobs import JOB_PATIENCE, job_queue, job_work
from contracts.webhooks import SEND_TIMEOUT_S, webhook_queue, webhook_work
from domain.webhook import KEEP_TRYING


def test_jobs_and_webhooks_wait_in_queues_of_their_own() -> None:
    assert len({"longhaul", job_queue("longhaul"), webhook_queue("longhaul")}) == 3


def test_tenants_share_a_priority_and_a_long_name_still_fits() -> None:
    assert fair_priority(2, "tenant").priority_key == 2
    assert fair_priority(2, "tenant").fairness_key == "tenant"
    key = fair_priority(2, "é" * 100).fairness_key
    assert key is not None
    assert len(key.encode()) <= 64


def test_a_job_may_wait_its_whole_time_and_then_take_its_whole_time() -> None:
    work = job_work("longhaul", fair_priority(1, "tenant"), 600)
    assert work["schedule_to_close_timeout"] >= JOB_PATIENCE + timedelta(seconds=600)
    assert work["task_queue"] == job_queue("longhaul")


def test_a_webhook_outlives_a_day_without_workers() -> None:
    work = webhook_work("longhaul", fair_priority(1, "tenant"))
    assert work["schedule_to_close_timeout"] > KEEP_TRYING
    assert work["start_to_close_timeout"] > timedelta(seconds=SEND_TIMEOUT_S)
    assert work["task_queue"] == webhook_queue("longhaul")
