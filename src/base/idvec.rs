//! A vector that is indexed by an identifier.

use super::ids::Id;
use core::marker::PhantomData;
use core::ops::{Index, IndexMut};
use serde::{Deserialize, Serialize};

/// A dense vector over identifiers `0..len`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    #[serde(skip)]
    id: PhantomData<I>,
}

impl<I: Id, T> IdVec<I, T> {
    /// An empty vector.
    pub fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }
    /// `count` clones of one value.
    pub fn filled(count: usize, value: T) -> Self
    where
        T: Clone,
    {
        Self { items: vec![value; count], id: PhantomData }
    }
    /// Appends a value and returns its identifier.
    pub fn push(&mut self, value: T) -> I {
        self.items.push(value);
        I::at(self.items.len() - 1)
    }
    /// The value, or none if the identifier is past the end.
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.index())
    }
    /// The value to be changed, or none if the identifier is past the end.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.items.get_mut(id.index())
    }
    /// Number of values.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// Identifiers in ascending order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.items.len()).map(I::at)
    }
    /// Values in the order of their identifiers.
    pub fn values(&self) -> core::slice::Iter<'_, T> {
        self.items.iter()
    }
    /// Values in the order of their identifiers, to be changed.
    pub fn values_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }
    /// Pairs in the order of the identifiers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.items.iter().enumerate().map(|(index, value)| (I::at(index), value))
    }
    /// Pairs in the order of the identifiers, values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (I, &mut T)> {
        self.items.iter_mut().enumerate().map(|(index, value)| (I::at(index), value))
    }
}

impl<I: Id, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Id, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<U: IntoIterator<Item = T>>(iter: U) -> Self {
        Self { items: iter.into_iter().collect(), id: PhantomData }
    }
}

impl<I: Id, T> Index<I> for IdVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}
