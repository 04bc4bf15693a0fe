//! The top-level keys of a request that the gateway knows, and the only ones that it ever names in an answer.
//!
//! Two kinds: those it reads, and those it forbids because some server or library behind us would take its
//! own address, key or answer from them. Any other key passes through unread.

/// Declares the keys once: the variants, their names, their pointers, and the way back from a name.
macro_rules! keys {
    ($($key:ident = $name:literal,)*) => {
        /// A top-level key that the gateway knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Key {
            $($key,)*
        }

        impl Key {
            pub const ALL: [Key; [$($name),*].len()] = [$(Key::$key),*];

            /// The key as it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Key::$key => $name,)*
                }
            }

            /// The JSON pointer (RFC 6901) of its value.
            pub fn pointer(self) -> &'static str {
                match self {
                    $(Key::$key => concat!("/", $name),)*
                }
            }

            /// The key that is written exactly so.
            pub fn from_name(name: &str) -> Option<Key> {
                match name {
                    $($name => Some(Key::$key),)*
                    _ => None,
                }
            }
        }
    };
}

keys! {
    Model = "model",
    Stream = "stream",
    StreamOptions = "stream_options",
    MaxTokens = "max_tokens",
    MaxCompletionTokens = "max_completion_tokens",
    MaxOutputTokens = "max_output_tokens",
    NPredict = "n_predict",
    N = "n",
    ServiceTier = "service_tier",
    Store = "store",
    Background = "background",
    PromptCacheKey = "prompt_cache_key",
    Temperature = "temperature",
    Seed = "seed",
    Tools = "tools",
    ResponseFormat = "response_format",
    Messages = "messages",
    Prompt = "prompt",
    Input = "input",
    System = "system",
    Instructions = "instructions",
    ApiBase = "api_base",
    ApiKey = "api_key",
    ApiType = "api_type",
    ApiVersion = "api_version",
    BaseUrl = "base_url",
    CustomLlmProvider = "custom_llm_provider",
    ExtraHeaders = "extra_headers",
    ExtraQuery = "extra_query",
    MockResponse = "mock_response",
    Fallbacks = "fallbacks",
}

/// Longer than every key we know.
const FOLDED_LENGTH: usize = 32;

impl Key {
    /// Keys that would let a client choose where a request goes, as whom, or what comes back.
    pub const FORBIDDEN: [Key; 10] = [
        Key::ApiBase,
        Key::ApiKey,
        Key::ApiType,
        Key::ApiVersion,
        Key::BaseUrl,
        Key::CustomLlmProvider,
        Key::ExtraHeaders,
        Key::ExtraQuery,
        Key::MockResponse,
        Key::Fallbacks,
    ];

    /// The key that a server which ignores case would take this name for, where it is not written exactly so.
    ///
    /// Go's `encoding/json` (Ollama, LocalAI) matches keys without regard to case: there `"Model"` after
    /// `"model"` wins, and would name another model than the one that was allowed. It folds two letters
    /// beyond ASCII, `ſ` (U+017F) to s and the Kelvin sign (U+212A) to k.
    pub fn mistaken_for(name: &str) -> Option<Key> {
        let mut folded = [0; FOLDED_LENGTH];
        let mut length = 0;
        for letter in name.chars() {
            let letter = match letter {
                '\u{17f}' => b's',
                '\u{212a}' => b'k',
                _ => u8::try_from(letter)
                    .ok()
                    .filter(u8::is_ascii)?
                    .to_ascii_lowercase(),
            };
            *folded.get_mut(length)? = letter;
            length += 1;
        }
        let folded = std::str::from_utf8(folded.get(..length)?).ok()?;
        Key::from_name(folded).filter(|key| key.as_str() != name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name() {
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.as_str()), Some(key));
            assert_eq!(key.pointer(), format!("/{}", key.as_str()));
            assert!(key.as_str().len() < FOLDED_LENGTH);
        }
        assert_eq!(Key::from_name("Model"), None);
    }

    #[test]
    fn a_name_in_other_case_is_mistaken_for_the_key() {
        for (name, key) in [
            ("Model", Some(Key::Model)),
            ("MAX_TOKENS", Some(Key::MaxTokens)),
            ("\u{17f}tream", Some(Key::Stream)),
            ("max_to\u{212a}ens", Some(Key::MaxTokens)),
            ("API_Base", Some(Key::ApiBase)),
            ("model", None),
            ("mödel", None),
            ("models", None),
            ("", None),
            (&"M".repeat(1000), None),
        ] {
            assert_eq!(Key::mistaken_for(name), key, "{name}");
        }
    }
}
