//! A table of routes: what a line says, and the filters and the data that come of it.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::Method;

use super::openapi::Described;
use super::reply::Response;
use super::serve::Route;

/// One line of a table: what stands at a path, and the filter that answers for it behind a door `D`, below the path's root.
pub(super) struct At<D> {
    /// The path as it is written in the table, and the names of what stands for something in it.
    pub(super) path: &'static str,
    pub(super) names: &'static [&'static str],
    pub(super) methods: &'static [Method],
    /// What is said of each of them, beside its handler.
    pub(super) described: fn() -> Vec<Described>,
    pub(super) filter: fn(&Arc<D>, BoxedFilter<()>) -> BoxedFilter<(Response,)>,
}

/// One path of the API, and a handler for each of its methods. GET answers HEAD too, and OPTIONS lists them all.
macro_rules! at {
    ($door:ident, $path:expr, [$($segment:ident),*]
     $($verb:ident $file:ident::$handler:ident($($given:ident),*)),+) => {
        line!($door, $path, [$($segment),*] || vec![$($file::described::$handler()),+],
              $($verb $file::$handler($($given),*)),+)
    };
}

/// One path of the pages for people, which the API's document says nothing of.
macro_rules! page {
    ($door:ident, $path:expr, [$($segment:ident),*] $($verb:ident $handler:ident($($given:ident),*)),+) => {
        shown!($door, $path, [$($segment),*] call, $($verb pages::$handler(call $(, $given)*)),+)
    };
}

/// The same for who is signed in; anybody else is asked to sign in first.
macro_rules! room {
    ($door:ident, $path:expr, [$($segment:ident),*] $($verb:ident $($handler:ident)::+($($given:ident),*)),+) => {
        shown!($door, $path, [$($segment),*] call, $($verb async {
            match pages::Visit::of(call).await {
                Ok(visit) => pages::$($handler)::+(visit $(, $given)*).await,
                Err(instead) => instead,
            }
        }),+)
    };
}

/// What is answered here is for people, refusals too.
macro_rules! shown {
    ($door:ident, $path:expr, [$($segment:ident),*] $call:ident, $($verb:ident $answer:expr),+) => {
        At {
            path: stringify!($path),
            names: &[$(stringify!($segment)),*],
            methods: &[$(Method::$verb),+],
            described: Vec::new,
            filter: |$door, root| root.and($path).and(called($door)).then(|$($segment: String,)* $call: Call<_>| async move {
                let look = pages::Look::of(&$call);
                let known = reply::known(&$call);
                let answer = match $call.method {
                    $(Method::$verb => $answer.await,)+
                    Method::OPTIONS => Ok(reply::options(&[$(Method::$verb),+])),
                    _ => Ok(reply::method_not_allowed(&[$(Method::$verb),+], |refusal| look.refused(refusal))),
                };
                let answer = answer.unwrap_or_else(|refusal| look.refused(&refusal));
                reply::unless_known(known.as_deref(), answer)
            }).boxed(),
        }
    };
}

macro_rules! line {
    ($door:ident, $path:expr, [$($segment:ident),*] $described:expr,
     $($verb:ident $file:ident::$handler:ident($($given:ident),*)),+) => {
        At {
            path: stringify!($path),
            names: &[$(stringify!($segment)),*],
            methods: &[$(Method::$verb),+],
            described: $described,
            filter: |$door, root| root.and($path).and(called($door)).then(|$($segment: String,)* call: Call<_>| async move {
                let request = call.arrival.id.clone();
                let answer = match call.method {
                    $(Method::$verb => $file::$handler(call $(, $given)*).await,)+
                    Method::OPTIONS => Ok(reply::options(&[$(Method::$verb),+])),
                    _ => Ok(reply::method_not_allowed(&[$(Method::$verb),+], |refusal| reply::refused(refusal, &request))),
                };
                answer.unwrap_or_else(|refusal| reply::refused(&refusal, &request))
            }).boxed(),
        }
    };
}

impl<D> At<D> {
    /// The path as callers write it: `/api/v1/sessions/{id}`.
    pub(super) fn template(&self) -> String {
        let mut names = self.names.iter();
        let segments = self.path.trim_start_matches("path!").split('/').filter_map(|part| {
            let part = part.trim_matches(|c: char| c.is_whitespace() || "()\"".contains(c));
            match part {
                "String" => names.next().map(|name| format!("/{{{name}}}")),
                "" | "path::end" => None,
                word => Some(format!("/{word}")),
            }
        });
        let path: String = segments.collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Each of its calls, below a root.
    pub(super) fn calls(self, root: &str) -> Vec<(Method, String)> {
        let path = format!("{root}{}", self.template());
        self.methods.iter().map(|method| (method.clone(), path.clone())).collect()
    }

    /// Each of its calls, below a root, with what is said of it.
    pub(super) fn descriptions(self, root: &str) -> Vec<(Method, String, Described)> {
        let described = (self.described)();
        self.calls(root).into_iter().zip(described).map(|((method, path), said)| (method, path, said)).collect()
    }
}

/// The filters of a table's lines, for this door and below this root, which is written so. Each answer says which line it came from.
pub(super) fn built<D>(
    table: Vec<At<D>>,
    door: &Arc<D>,
    written: &str,
    root: BoxedFilter<()>,
) -> impl Iterator<Item = BoxedFilter<(Response,)>> {
    table.into_iter().map(move |at| {
        let route = Route(format!("{written}{}", at.template()).into());
        let named = move |mut response: Response| {
            response.extensions_mut().insert(route.clone());
            response
        };
        (at.filter)(door, root.clone()).map(named).boxed()
    })
}
