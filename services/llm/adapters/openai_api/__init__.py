"""The OpenAI API, as OpenAI, DeepSeek, Qwen's compatible mode, Ollama, vLLM, OpenRouter and others speak it."""
