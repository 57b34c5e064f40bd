//! From the table of the settings to their structs, their list, and access by key.

macro_rules! settings {
    ($($(#[doc = $sdoc:literal])* $section:ident: $struct:ident {$(
        $(#[doc = $doc:literal])*
        $key:ident: $type:ty = $default:literal, $low:literal..$high:literal, $basis:expr;
    )*})*) => {
        /// Every number of the model, by section.
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        pub struct Settings {$(
            $(#[doc = $sdoc])*
            pub $section: $struct,
        )*}

        $(
            $(#[doc = $sdoc])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
            pub struct $struct {$(
                $(#[doc = $doc])*
                pub $key: $type,
            )*}
        )*

        /// Every parameter, in the order of the sections. Defaults are those of Windows Server
        /// 2008 R2; see [`VERSION_DEFAULTS`] for the others.
        pub const PARAMETERS: &[Parameter] = &[$($(
            Parameter {
                key: concat!(stringify!($section), ".", stringify!($key)),
                meaning: concat!($($doc),*),
                default: $default,
                range: ($low, $high),
                basis: $basis,
            },
        )*)*];

        impl Default for Settings {
            fn default() -> Self {
                Settings {$(
                    $section: $struct {$(
                        $key: <$type as Value>::read($default).expect("a default is a value"),
                    )*},
                )*}
            }
        }

        impl Settings {
            /// Changes one setting by its key path, such as `cluster.same_subnet_delay`.
            ///
            /// # Errors
            /// If there is no such key, or the text is not a value in its range.
            pub fn set(&mut self, key: &str, text: &str) -> Result<(), SetError> {
                $($(
                    if key == concat!(stringify!($section), ".", stringify!($key)) {
                        let value = <$type as Value>::read(text)
                            .ok_or(SetError::NotAValue(<$type as Value>::EXPECTED))?;
                        let low = <$type as Value>::read($low);
                        let high = <$type as Value>::read($high);
                        let below = low.is_some_and(|low| value < low);
                        if below || high.is_some_and(|high| value > high) {
                            return Err(SetError::OutOfRange($low, $high));
                        }
                        self.$section.$key = value;
                        return Ok(());
                    }
                )*)*
                Err(SetError::UnknownKey)
            }

            /// The text of one setting by its key path.
            pub fn get(&self, key: &str) -> Option<String> {
                $($(
                    if key == concat!(stringify!($section), ".", stringify!($key)) {
                        return Some(self.$section.$key.show());
                    }
                )*)*
                None
            }
        }
    };
}
