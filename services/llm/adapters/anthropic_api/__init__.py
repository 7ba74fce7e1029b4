"""Anthropic's Messages API, version 2023-06-01, spoken from and to the OpenAI API's form."""
