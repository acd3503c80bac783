//! Opens a device, and reads its name.

use std::str::FromStr;

use super::device::Device;
use super::error::Error;

impl Device {
    /// The device as candle knows it.
    pub(super) fn open(self) -> Result<candle_core::Device, Error> {
        let opened = match self {
            Self::Cpu => return Ok(candle_core::Device::Cpu),
            Self::Cuda(number) if cfg!(feature = "cuda") => candle_core::Device::new_cuda(number),
            Self::Metal if cfg!(feature = "metal") => candle_core::Device::new_metal(0),
            Self::Cuda(_) | Self::Metal => return Err(Error::NotBuilt { device: self }),
        };
        opened.map_err(|error| Error::Device { device: self, problem: error.to_string() })
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            None if text == "metal" => Ok(Self::Metal),
            Some(("cuda", number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.parse().map(Self::Cuda).map_err(|_| Error::UnknownDevice(text.to_owned()))
            }
            _ => Err(Error::UnknownDevice(text.to_owned())),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::diagnose::Diagnose as _;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for (text, device) in
            [("cpu", Device::Cpu), ("cuda", Device::Cuda(0)), ("cuda:3", Device::Cuda(3)), ("metal", Device::Metal)]
        {
            assert_eq!(text.parse::<Device>().unwrap(), device);
        }
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "metal:1", "cuda:99999999999999999999"] {
            assert!(matches!(text.parse::<Device>(), Err(Error::UnknownDevice(_))), "{text}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        let error = Device::Cuda(1).open().unwrap_err();
        assert_eq!(error.to_string(), "this build of admix has no support for cuda:1");
        assert!(error.hint().unwrap().contains("--features cuda"));
    }
}
