"""S1's endpoints, in S1's spelling."""

import httpx

from tests.workflows.product import Product

PATH = "/central-agent"


async def test_process_answers_in_the_shape_of_s1(product: Product) -> None:
    body = {"message": "Write about rain. Then praise it.", "userId": product.model}
    answer = await product.api.post(f"{PATH}/process", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert set(document) == {"processedInput", "actionPlan", "result"}
    assert set(document["processedInput"]) == {"intent", "entities", "requiredAgents", "detailedDescription"}
    plan = document["actionPlan"]
    assert (plan["userId"], plan["status"], plan["currentStepIndex"]) == (product.model, "Succeeded", 2)
    assert plan["executionContext"]["simulated"] is True
    first, second = plan["steps"]
    assert (first["agentType"], first["status"], first["timeout"]) == ("generate", "Succeeded", 120_000)
    assert second["dependsOn"] == [first["id"]]
    assert set(first["evaluation"]) == {"success", "reason", "needsAdjustment"}
    assert document["result"]
    by_id = await product.api.get(f"{PATH}/plan/{plan['id']}")
    newest = await product.api.get(f"{PATH}/plan/user/{product.model}")
    assert by_id.json() == newest.json() == plan


async def test_process_that_takes_too_long_is_accepted_with_links(product: Product) -> None:
    body = {"message": "Hello!", "userId": product.model, "wait": 0}
    answer = await product.api.post(f"{PATH}/process", json=body)
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert (await product.ended(answer.json()["id"]))["phase"] == "done"


async def test_failure_is_told_plainly(product: Product) -> None:
    body = {"message": "Write a doomed-marker.", "userId": product.model}
    rule = [{"match": {"contains": "doomed-marker"}, "fault": {"status": 400}}]
    await product.provider.post("/__sim/faults", json=rule)
    document = (await product.api.post(f"{PATH}/process", json=body, timeout=30)).json()
    assert document["actionPlan"] is None or document["actionPlan"]["status"] == "Failed"
    assert document["result"].startswith("failed: ")


async def test_bad_input_and_unknown_plans_are_problems(idle: httpx.AsyncClient) -> None:
    for body in ({"message": "hi"}, {"message": "hi", "userId": ""}, {"message": "", "userId": "u"}, {"userId": "u"}):
        assert (await idle.post(f"{PATH}/process", json=body)).status_code == 422, body
    for path in ("plan/req_1", f"plan/req_{'0' * 32}", "plan/user/nobody-at-all"):
        assert (await idle.get(f"{PATH}/{path}")).status_code == 404, path
