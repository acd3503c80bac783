//! Reads pickles without executing anything.
//!
//! The reader knows the opcodes of torch's state dicts and a short list of names, and refuses the rest with its offset.
//! Names are never looked up and calls never made: each stands for a value that is built here.

use std::collections::HashMap;

use super::opcode::{self, op};
use super::pickle_error::PickleError as Error;
use super::value::{Global, Heap, Storage, Value, View, push};
use crate::escape::escaped;

/// The most operations of one pickle, including the values that they create. A state dict of a thousand tensors takes some
/// tens of thousands.
const LIMIT: usize = 1 << 21;
/// The most dimensions of a tensor, which is torch's own limit.
const MOST_DIMENSIONS: usize = 64;

/// The result of reading a pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'p> {
    pub(crate) heap: Heap<'p>,
    pub(crate) root: Value<'p>,
    /// Where it ends in the file.
    pub(crate) end: usize,
}

/// Reads the pickle that begins at byte `start` of `bytes`.
pub(crate) fn read(bytes: &[u8], start: usize) -> Result<Pickle<'_>, Error> {
    let mut machine = Machine {
        bytes,
        at: start,
        op: 0,
        name: "",
        left: LIMIT,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
    };
    loop {
        machine.spend(1)?;
        if let Some(root) = machine.step()? {
            return Ok(Pickle { heap: machine.heap, root, end: machine.at });
        }
    }
}

struct Machine<'p> {
    bytes: &'p [u8],
    /// The next byte.
    at: usize,
    /// The offset and the name of the current opcode.
    op: usize,
    name: &'static str,
    /// The remaining number of operations.
    left: usize,
    stack: Vec<Value<'p>>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'p>>,
    heap: Heap<'p>,
}

impl<'p> Machine<'p> {
    /// Executes one operation; returns the result after the last one.
    fn step(&mut self) -> Result<Option<Value<'p>>, Error> {
        self.op = self.at;
        let Some(&code) = self.bytes.get(self.at) else { return Err(Error::Cut { at: self.at }) };
        self.at += 1;
        let name = opcode::name(code);
        self.name = name.unwrap_or("unknown");
        match code {
            op::STOP => return self.pop().map(Some),
            op::PROTO => match self.byte()? {
                2..=5 => {}
                found => return Err(Error::Protocol { found }),
            },
            // Frames are only of use for reading from a stream.
            op::FRAME => drop(self.take(8)?),
            op::MARK => self.marks.push(self.stack.len()),
            op::POP => drop(self.pop()?),
            op::NONE => self.stack.push(Value::None),
            op::NEWTRUE => self.stack.push(Value::Flag(true)),
            op::NEWFALSE => self.stack.push(Value::Flag(false)),
            op::BININT | op::BININT1 | op::BININT2 | op::LONG1 => self.number(code)?,
            op::BINFLOAT => {
                self.take(8)?;
                self.stack.push(Value::Float);
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING => self.text(1)?,
            op::BINUNICODE | op::BINSTRING => self.text(4)?,
            op::BINUNICODE8 => self.text(8)?,
            op::SHORT_BINBYTES => self.blob(1)?,
            op::BINBYTES => self.blob(4)?,
            op::EMPTY_TUPLE => self.tuple(0)?,
            op::TUPLE1 => self.tuple(1)?,
            op::TUPLE2 => self.tuple(2)?,
            op::TUPLE3 => self.tuple(3)?,
            op::TUPLE => {
                let items = self.marked()?;
                let tuple = push(&mut self.heap.tuples, items.into());
                self.stack.push(Value::Tuple(tuple));
            }
            op::EMPTY_LIST => {
                let list = push(&mut self.heap.lists, Vec::new());
                self.stack.push(Value::List(list));
            }
            op::EMPTY_DICT => self.dict(Vec::new()),
            op::APPEND => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            op::APPENDS => {
                let items = self.marked()?;
                self.append(items)?;
            }
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            op::SETITEMS => {
                let items = self.marked()?;
                self.set(&items)?;
            }
            op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.memoize(code)?,
            op::BINGET | op::LONG_BINGET => self.recall(code)?,
            op::GLOBAL | op::STACK_GLOBAL => self.global(code)?,
            op::BINPERSID => self.storage()?,
            op::REDUCE => self.reduce()?,
            op::BUILD => self.build()?,
            _ => return Err(Error::Opcode { code, name, at: self.op }),
        }
        Ok(None)
    }

    /// Counts operations, so that a short pickle cannot create many values by repeating one.
    fn spend(&mut self, units: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(units).ok_or(Error::TooLong { limit: LIMIT })?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn take(&mut self, length: usize) -> Result<&'p [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..length) else {
            return Err(Error::Length { name: self.name, length: length as u64, available: rest.len(), at: self.op });
        };
        self.at += length;
        Ok(taken)
    }

    /// Reads a length of `width` bytes and that many bytes after it.
    fn counted(&mut self, width: usize) -> Result<&'p [u8], Error> {
        let mut length = [0; 8];
        for (to, from) in length.iter_mut().zip(self.take(width)?) {
            *to = *from;
        }
        self.take(usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX))
    }

    fn text(&mut self, width: usize) -> Result<(), Error> {
        let bytes = self.counted(width)?;
        let text = str::from_utf8(bytes).map_err(|_| Error::Text { name: self.name, at: self.op })?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn blob(&mut self, width: usize) -> Result<(), Error> {
        self.counted(width)?;
        self.stack.push(Value::Bytes);
        Ok(())
    }

    fn number(&mut self, code: u8) -> Result<(), Error> {
        const WIDEST: usize = 16;
        let bytes = match code {
            op::BININT => self.take(4)?,
            op::BININT1 => self.take(1)?,
            op::BININT2 => self.take(2)?,
            _ => self.counted(1)?,
        };
        if bytes.len() > WIDEST {
            return Err(Error::Number { name: self.name, length: bytes.len(), at: self.op });
        }
        let signed = matches!(code, op::BININT | op::LONG1);
        let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; WIDEST];
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.stack.push(Value::Number(i128::from_le_bytes(wide)));
        Ok(())
    }

    fn underflow(&self) -> Error {
        Error::Underflow { name: self.name, at: self.op }
    }

    fn kind(&self, needed: &'static str, found: Value<'p>) -> Error {
        Error::Kind { name: self.name, needed, found: found.kind(), at: self.op }
    }

    /// Pops the top of the stack, which must be above the last mark.
    fn pop(&mut self) -> Result<Value<'p>, Error> {
        if self.marks.last().is_some_and(|mark| *mark >= self.stack.len()) {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    fn top(&self) -> Result<Value<'p>, Error> {
        self.stack.last().copied().ok_or_else(|| self.underflow())
    }

    /// Pops everything above the last mark, and the mark.
    fn marked(&mut self) -> Result<Vec<Value<'p>>, Error> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len()).ok_or_else(|| self.underflow())?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, length: usize) -> Result<(), Error> {
        let floor = self.marks.last().copied().unwrap_or_default();
        let from = self.stack.len().checked_sub(length).filter(|from| *from >= floor);
        let items = self.stack.split_off(from.ok_or_else(|| self.underflow())?);
        let tuple = push(&mut self.heap.tuples, items.into());
        self.stack.push(Value::Tuple(tuple));
        Ok(())
    }

    fn dict(&mut self, entries: Vec<(Value<'p>, Value<'p>)>) {
        let dict = push(&mut self.heap.dicts, entries);
        self.stack.push(Value::Dict(dict));
    }

    fn append(&mut self, mut items: Vec<Value<'p>>) -> Result<(), Error> {
        match self.top()? {
            Value::List(index) => {
                if let Some(list) = self.heap.lists.get_mut(index) {
                    list.append(&mut items);
                }
                Ok(())
            }
            other => Err(self.kind("a list", other)),
        }
    }

    /// Adds alternating keys and values to the dict on top of the stack.
    fn set(&mut self, items: &[Value<'p>]) -> Result<(), Error> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.underflow());
        }
        match self.top()? {
            Value::Dict(index) => {
                if let Some(dict) = self.heap.dicts.get_mut(index) {
                    dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                }
                Ok(())
            }
            other => Err(self.kind("a dict", other)),
        }
    }

    fn index(&mut self, wide: bool) -> Result<u32, Error> {
        if !wide {
            return self.byte().map(u32::from);
        }
        Ok(self.take(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap_or_default())
    }

    fn memoize(&mut self, code: u8) -> Result<(), Error> {
        let index = match code {
            op::MEMOIZE => self.memo.len() as u32,
            _ => self.index(code == op::LONG_BINPUT)?,
        };
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, code: u8) -> Result<(), Error> {
        let index = self.index(code == op::LONG_BINGET)?;
        let value = self.memo.get(&index).copied();
        self.stack.push(value.ok_or(Error::Memo { name: self.name, index, at: self.op })?);
        Ok(())
    }

    fn global(&mut self, code: u8) -> Result<(), Error> {
        let (module, name) = if code == op::GLOBAL {
            (self.line()?, self.line()?)
        } else {
            match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => (module, name),
                (Value::Text(_), other) | (other, _) => return Err(self.kind("two texts", other)),
            }
        };
        let found = Global::find(module, name);
        let refused = || Error::Global { name: escaped(&format!("{module}.{name}")), at: self.op };
        self.stack.push(Value::Global(found.ok_or_else(refused)?));
        Ok(())
    }

    /// Reads text up to the end of a line.
    fn line(&mut self) -> Result<&'p str, Error> {
        const LONGEST: usize = 1000;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let line = rest.iter().take(LONGEST).position(|byte| *byte == b'\n').and_then(|end| rest.get(..end));
        let text =
            line.and_then(|line| str::from_utf8(line).ok()).ok_or(Error::Text { name: self.name, at: self.op })?;
        self.at += text.len() + 1;
        Ok(text)
    }

    /// `("storage", type, key, location, elements)`, and in older files its position in another storage.
    fn storage(&mut self) -> Result<(), Error> {
        let value = self.pop()?;
        let wrong =
            || Error::Kind { name: self.name, needed: "the name of a storage", found: value.kind(), at: self.op };
        let (fields, view) = match self.heap.tuple(value).ok_or_else(wrong)? {
            [fields @ .., last] if fields.len() == 5 => (fields, *last),
            fields => (fields, Value::None),
        };
        let [
            Value::Text("storage"),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            _,
            Value::Number(elements),
        ] = *fields
        else {
            return Err(wrong());
        };
        let view = match view {
            Value::None => None,
            view => match self.heap.tuple(view) {
                Some([Value::Text(root), Value::Number(offset), Value::Number(_)]) => {
                    Some((*root, u64::try_from(*offset).map_err(|_| wrong())?))
                }
                _ => return Err(wrong()),
            },
        };
        let elements = u64::try_from(elements).map_err(|_| wrong())?;
        let storage = push(&mut self.heap.storages, Storage { key, dtype, elements, view });
        self.stack.push(Value::Storage(storage));
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), Error> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Global(callee) = callee else {
            return Err(Error::NotCallable { what: callee.kind(), at: self.op });
        };
        let made = self.call(callee, arguments)?;
        self.stack.push(made);
        Ok(())
    }

    fn call(&mut self, callee: Global, arguments: Value<'p>) -> Result<Value<'p>, Error> {
        self.spend(1)?;
        let wrong = Error::Call { name: callee.name(), at: self.op };
        let Some(fields) = self.heap.tuple(arguments) else { return Err(wrong) };
        match (callee, fields) {
            (Global::OrderedDict, []) => Ok(Value::Dict(push(&mut self.heap.dicts, Vec::new()))),
            (Global::OrderedDict, [Value::List(list)]) => {
                let list = *list;
                let length = self.heap.lists.get(list).map_or(0, Vec::len);
                self.spend(length)?;
                let items = self.heap.lists.get(list).map(Vec::as_slice).unwrap_or_default();
                let entries: Option<Vec<_>> = items.iter().map(|item| self.heap.pair(*item)).collect();
                Ok(Value::Dict(push(&mut self.heap.dicts, entries.ok_or(wrong)?)))
            }
            (Global::RebuildTensor(version), fields) => {
                let view = self.view(version, fields).ok_or(wrong)?;
                self.spend(view.shape.len())?;
                Ok(Value::Tensor(push(&mut self.heap.views, view)))
            }
            (Global::RebuildParameter, [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
            // The fields are a function, the type of its result, its arguments, and attributes, which no loader of weights
            // reads.
            (Global::RebuildFromType, [Value::Global(inner), Value::Global(Global::TensorType), arguments, _])
                if matches!(inner, Global::RebuildTensor(_) | Global::RebuildParameter) =>
            {
                let (inner, arguments) = (*inner, *arguments);
                self.call(inner, arguments)
            }
            (Global::Size, [size]) if self.heap.tuple(*size).is_some() => Ok(*size),
            _ => Err(wrong),
        }
    }

    /// Reads `(storage, offset, size, strides, …)`; version 3 has the dtype too.
    fn view(&self, version: u8, fields: &[Value<'p>]) -> Option<View> {
        let [Value::Storage(storage), Value::Number(offset), size, strides, rest @ ..] = fields else { return None };
        let of = self.heap.storages.get(*storage)?;
        let dtype = match (version, rest) {
            (1, []) | (2, [_, _] | [_, _, _]) => of.dtype?,
            (3, [_, _, Value::Global(Global::Dtype(dtype)), ..]) => *dtype,
            _ => return None,
        };
        let numbers = |value: Value<'p>| -> Option<Vec<u64>> {
            let items = self.heap.tuple(value).filter(|items| items.len() <= MOST_DIMENSIONS)?;
            items.iter().map(|item| if let Value::Number(n) = item { u64::try_from(*n).ok() } else { None }).collect()
        };
        let (shape, strides) = (numbers(*size)?, numbers(*strides)?);
        let shape: Option<Vec<usize>> = shape.into_iter().map(|size| usize::try_from(size).ok()).collect();
        let view = View { storage: *storage, dtype, offset: u64::try_from(*offset).ok()?, shape: shape?, strides };
        (view.shape.len() == view.strides.len()).then_some(view)
    }

    /// Skips the state of an object: attributes of a dict or a tensor, such as the versions of modules, which no loader of
    /// weights needs.
    fn build(&mut self) -> Result<(), Error> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) | Value::Tensor(_) => Ok(()),
            other => Err(self.kind("a dict or a tensor", other)),
        }
    }
}
