"""Google's Gemini API, version v1beta (`generateContent`), spoken from and to the OpenAI API's form."""
