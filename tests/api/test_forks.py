"""Forking: what stands before the step is kept, the rest runs again, with edits."""

from tests.workflows.product import Product

THREE = "Write about rain. Write about snow. Then compare them."


async def test_fork_keeps_what_stands_before_the_step_and_runs_the_rest(product: Product) -> None:
    source = (await product.ask(THREE))["id"]
    edits = [{"op": "set_prompt", "step_id": "s3", "prompt": "Say which is colder"}]
    answer = await product.send(source, "fork", from_step="s3", edits=edits, options={"priority": 1})
    assert answer.status_code == 201, answer.text
    fork = answer.json()
    assert (fork["kept"], fork["rerun"]) == (["s1", "s2"], ["s3"])
    assert answer.headers["location"] == fork["links"]["self"]
    ended = await product.ended(fork["id"])
    assert (ended["phase"], ended["forked_from"]) == ("done", source)
    assert ended["options"]["priority"] == 1
    steps, old = await product.steps(fork["id"]), await product.steps(source)
    assert steps["s1"]["result"] == old["s1"]["result"]
    assert steps["s3"]["prompt"]["text"] == "Say which is colder"
    assert sorted(call["step_id"] for call in await product.calls(task="step")) == ["s1", "s2", "s3", "s3"]


async def test_fork_of_a_running_request_runs_on_its_own(product: Product) -> None:
    await product.fault({"hang": True}, times=1, task="step", step_id="s1")
    source = await product.submit(THREE)
    await product.until_active(source, 1)
    fork = (await product.send(source, "fork", from_step="s1")).json()
    assert (await product.ended(fork["id"]))["phase"] == "done"
    assert (await product.send(source, "cancel")).status_code == 200


async def test_same_fork_again_is_the_same_request(product: Product) -> None:
    source = (await product.ask(THREE))["id"]
    first = await product.send(source, "fork", from_step="s3", message_id="f-1")
    again = await product.send(source, "fork", from_step="s3", message_id="f-1")
    other = await product.send(source, "fork", from_step="s2", message_id="f-1")
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_fork_that_cannot_be_admitted_is_refused(product: Product) -> None:
    source = (await product.ask(THREE))["id"]
    unknown = await product.send(source, "fork", from_step="nope")
    assert (unknown.status_code, unknown.json()["problems"][0]["code"]) == (422, "unknown_step")
    cyclic = [{"op": "rewire", "step_id": "s3", "depends_on": ["s3"]}]
    refused = await product.send(source, "fork", from_step="s3", edits=cyclic)
    assert refused.status_code == 422
    kept = [{"op": "set_prompt", "step_id": "s1", "prompt": "Else"}]
    conflict = await product.send(source, "fork", from_step="s3", edits=kept)
    assert (conflict.status_code, conflict.json()["problems"][0]["code"]) == (409, "step_finished")


async def test_long_edit_of_a_fork_travels_by_reference(product: Product) -> None:
    source = (await product.ask(THREE))["id"]
    edits = [{"op": "set_prompt", "step_id": "s3", "prompt": "Compare. " + "Look closely. " * 500}]
    fork = (await product.send(source, "fork", from_step="s3", edits=edits)).json()
    ended = await product.ended(fork["id"])
    assert ended["phase"] == "done"
    step = await product.get(fork["id"], "/steps/s3")
    assert step["prompt"]["text"] == edits[0]["prompt"]
    assert (await product.steps(fork["id"]))["s3"]["prompt"]["truncated"] is True


async def test_fork_of_a_plain_question_still_sees_its_conversation(product: Product) -> None:
    body = {"message": "Hello!", "conversation_id": product.model, "options": {"model": product.model}}
    source = (await product.api.post("/v1/requests", json=body)).json()["id"]
    assert (await product.ended(source))["phase"] == "done"
    fork = (await product.send(source, "fork", from_step="answer")).json()
    assert (await product.ended(fork["id"]))["phase"] == "done"
    assert (await product.get(fork["id"], "/plan"))["origin"] == "rule"
    assert await product.tasks() == ["understand", "step", "step"]
