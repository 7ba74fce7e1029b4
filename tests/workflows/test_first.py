from tests.workflows.product import Product


async def test_several_sentences_run_in_parallel_and_one_answer_comes(product: Product) -> None:
    ended = await product.ask("Summarise the moon. List three planets. Then compare them.")
    assert ended["phase"] == "done", ended
    print(ended, await product.tasks())


async def test_greeting_takes_two_model_calls(product: Product) -> None:
    ended = await product.ask("Hello!")
    print(ended)
    assert await product.tasks() == ["understand", "step"]
