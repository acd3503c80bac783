//! Values that pickles build. They have no behaviour and are stored in flat lists, so that nothing is nested or recursive.

use safetensors::Dtype;

/// A value. Text is borrowed from the pickle, and containers are in the [`Heap`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'p> {
    None,
    Flag(bool),
    Number(i128),
    Float,
    Text(&'p str),
    Bytes,
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

impl Value<'_> {
    /// Its name in messages.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Flag(_) => "a bool",
            Self::Number(_) => "a whole number",
            Self::Float => "a float",
            Self::Text(_) => "a text",
            Self::Bytes => "bytes",
            Self::Global(_) => "a name",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// A name that a pickle may refer to. Nothing is called: each stands for a value that is built here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// `_rebuild_tensor`, 1 to 3.
    RebuildTensor(u8),
    RebuildParameter,
    RebuildFromType,
    TensorType,
    Size,
    Storage(Option<Dtype>),
    Dtype(Dtype),
}

/// The storages of torch by name, with the dtypes of their elements. `UntypedStorage` has plain bytes without a dtype.
const STORAGES: [(&str, Dtype); 11] = [
    ("DoubleStorage", Dtype::F64),
    ("FloatStorage", Dtype::F32),
    ("HalfStorage", Dtype::F16),
    ("BFloat16Storage", Dtype::BF16),
    ("LongStorage", Dtype::I64),
    ("IntStorage", Dtype::I32),
    ("ShortStorage", Dtype::I16),
    ("CharStorage", Dtype::I8),
    ("ByteStorage", Dtype::U8),
    ("BoolStorage", Dtype::BOOL),
    ("ComplexFloatStorage", Dtype::C64),
];

/// torch's dtypes by name.
const DTYPES: [(&str, Dtype); 19] = [
    ("float64", Dtype::F64),
    ("float32", Dtype::F32),
    ("float16", Dtype::F16),
    ("bfloat16", Dtype::BF16),
    ("int64", Dtype::I64),
    ("int32", Dtype::I32),
    ("int16", Dtype::I16),
    ("int8", Dtype::I8),
    ("uint64", Dtype::U64),
    ("uint32", Dtype::U32),
    ("uint16", Dtype::U16),
    ("uint8", Dtype::U8),
    ("bool", Dtype::BOOL),
    ("complex64", Dtype::C64),
    ("float8_e4m3fn", Dtype::F8_E4M3),
    ("float8_e5m2", Dtype::F8_E5M2),
    ("float8_e8m0fnu", Dtype::F8_E8M0),
    ("float8_e4m3fnuz", Dtype::F8_E4M3FNUZ),
    ("float8_e5m2fnuz", Dtype::F8_E5M2FNUZ),
];

/// The storage that holds elements of a dtype.
pub(crate) fn storage_name(dtype: Dtype) -> Option<&'static str> {
    STORAGES.iter().find(|(_, known)| *known == dtype).map(|(name, _)| *name)
}

impl Global {
    /// The name in a module, if state dicts use it.
    pub(crate) fn find(module: &str, name: &str) -> Option<Self> {
        let found = match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor(1),
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor(2),
            ("torch._utils", "_rebuild_tensor_v3") => Self::RebuildTensor(3),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Self::RebuildParameter,
            ("torch._tensor", "_rebuild_from_type_v2") => Self::RebuildFromType,
            ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Self::TensorType,
            ("torch", "Size") => Self::Size,
            ("torch.storage", "UntypedStorage") => Self::Storage(None),
            ("torch" | "torch.cuda", _) => {
                let storage = STORAGES.iter().find(|(known, _)| *known == name);
                let dtype = || DTYPES.iter().find(|(known, _)| *known == name && module == "torch");
                match storage {
                    Some((_, dtype)) => Self::Storage(Some(*dtype)),
                    None => Self::Dtype(dtype()?.1),
                }
            }
            _ => return None,
        };
        Some(found)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OrderedDict => "OrderedDict",
            Self::RebuildTensor(_) => "_rebuild_tensor",
            Self::RebuildParameter => "_rebuild_parameter",
            Self::RebuildFromType => "_rebuild_from_type_v2",
            Self::TensorType => "Tensor",
            Self::Size => "Size",
            Self::Storage(_) => "Storage",
            Self::Dtype(_) => "dtype",
        }
    }
}

/// Bytes in the file that tensors share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Storage<'p> {
    /// Its name in the file.
    pub(crate) key: &'p str,
    /// The dtype of its elements; `None` for plain bytes.
    pub(crate) dtype: Option<Dtype>,
    /// The number of elements, or of bytes where it has no dtype.
    pub(crate) elements: u64,
    /// For files before torch 1.6: its position in another storage, in elements.
    pub(crate) view: Option<(&'p str, u64)>,
}

impl Storage<'_> {
    /// Its size in bytes, unless that overflows.
    pub(crate) fn byte_len(&self) -> Option<u64> {
        self.elements.checked_mul(self.dtype.map_or(8, |dtype| dtype.bitsize()) as u64 / 8)
    }
}

/// A tensor: a view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Index of the storage in the heap.
    pub(crate) storage: usize,
    pub(crate) dtype: Dtype,
    /// The strides in elements.
    pub(crate) offset: u64,
    pub(crate) shape: Vec<usize>,
    /// The position in elements.
    pub(crate) strides: Vec<u64>,
}

/// Containers, storages and tensors of a pickle, by index.
#[derive(Debug, Default)]
pub(crate) struct Heap<'p> {
    pub(crate) tuples: Vec<Box<[Value<'p>]>>,
    pub(crate) lists: Vec<Vec<Value<'p>>>,
    pub(crate) dicts: Vec<Vec<(Value<'p>, Value<'p>)>>,
    pub(crate) storages: Vec<Storage<'p>>,
    pub(crate) views: Vec<View>,
}

impl<'p> Heap<'p> {
    pub(crate) fn tuple(&self, value: Value<'p>) -> Option<&[Value<'p>]> {
        match value {
            Value::Tuple(index) => self.tuples.get(index).map(AsRef::as_ref),
            _ => None,
        }
    }

    pub(crate) fn dict(&self, value: Value<'p>) -> Option<&[(Value<'p>, Value<'p>)]> {
        match value {
            Value::Dict(index) => self.dicts.get(index).map(Vec::as_slice),
            _ => None,
        }
    }

    /// The items of a tuple or list of two.
    pub(crate) fn pair(&self, value: Value<'p>) -> Option<(Value<'p>, Value<'p>)> {
        let items = match value {
            Value::List(index) => self.lists.get(index).map(Vec::as_slice),
            other => self.tuple(other),
        };
        match items? {
            [one, other] => Some((*one, *other)),
            _ => None,
        }
    }
}

/// Appends an item and returns its index.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}
