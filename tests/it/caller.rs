//! Who is calling, and what that caller may do; whose key goes where.

mod hot;
mod keys;
mod lane;
mod models;
mod scope;
mod token;
