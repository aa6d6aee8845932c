//! The built site: read into memory at the start, or carried by the program.
//!
//! A path is looked up among the files that were read; it never becomes a path of the disk. So there is nothing that
//! `..` could lead to.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
};
use sha2::{Digest, Sha256};

use super::refusal::Refusal;

/// Most bytes of all files.
const LIMIT: u64 = 256 << 20;

/// Why a site cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A file or the folder.
    #[error(
        "the site in {path} cannot be read ({why}); build it with `make build`, or name another folder with --site"
    )]
    Unreadable {
        /// The folder.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Not a built site.
    #[error(
        "{path} holds no index.html; build the site with `make build`, or name another folder with --site"
    )]
    NoIndex {
        /// The folder.
        path: String,
    },
    /// More than is held in memory.
    #[error("{path} holds more than {LIMIT} bytes; name the folder of the site alone with --site")]
    TooLarge {
        /// The folder.
        path: String,
    },
}

#[derive(Debug)]
struct Asset {
    bytes: Bytes,
    content_type: &'static str,
    etag: HeaderValue,
    cache: &'static str,
}

/// The files of the site, by path.
#[derive(Debug, Default)]
pub struct Site {
    assets: HashMap<String, Asset>,
    scripts: Vec<String>,
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

impl Site {
    /// The site in a folder.
    ///
    /// # Errors
    /// [`SiteError`].
    pub fn read(folder: &Path) -> Result<Self, SiteError> {
        let path = folder.display().to_string();
        let unreadable = |e: io::Error| SiteError::Unreadable { path: path.clone(), why: e.to_string() };
        let mut site = Self::default();
        let (mut waiting, mut sum) = (vec![(folder.to_owned(), String::new())], 0);
        while let Some((at, prefix)) = waiting.pop() {
            for entry in fs::read_dir(&at).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                // What begins with a dot is a builder's, not the site's.
                if name.starts_with('.') {
                    continue;
                }
                let kind = entry.file_type().map_err(unreadable)?;
                let relative = format!("{prefix}/{name}");
                if kind.is_dir() {
                    waiting.push((entry.path(), relative));
                } else if kind.is_file() {
                    sum += entry.metadata().map_err(unreadable)?.len();
                    if sum > LIMIT {
                        return Err(SiteError::TooLarge { path });
                    }
                    site.add(relative, fs::read(entry.path()).map_err(unreadable)?.into());
                }
            }
        }
        if site.assets.contains_key("/index.html") { Ok(site) } else { Err(SiteError::NoIndex { path }) }
    }

    /// The site that the program carries; none where it was built without one.
    #[cfg(feature = "embed-site")]
    pub fn carried() -> Option<Self> {
        static DIST: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/dist");
        fn walk(dir: &include_dir::Dir<'static>, site: &mut Site) {
            for file in dir.files() {
                if let Some(path) = file.path().to_str().filter(|p| !p.starts_with('.')) {
                    site.add(format!("/{path}"), Bytes::from_static(file.contents()));
                }
            }
            dir.dirs().for_each(|d| walk(d, site));
        }
        let mut site = Self::default();
        walk(&DIST, &mut site);
        Some(site)
    }

    /// The site that the program carries; none where it was built without one.
    #[cfg(not(feature = "embed-site"))]
    pub const fn carried() -> Option<Self> {
        None
    }

    /// The site to serve: the folder that was named, else `./dist` where there is one, else the one carried, else none.
    ///
    /// # Errors
    /// [`SiteError`] for a folder that was named and holds no site.
    pub fn find(named: Option<&PathBuf>) -> Result<Self, SiteError> {
        if let Some(folder) = named {
            return Self::read(folder);
        }
        if let Some(carried) = Self::carried() {
            return Ok(carried);
        }
        let default = Path::new("dist");
        if default.join("index.html").is_file() { Self::read(default) } else { Ok(Self::default()) }
    }

    fn add(&mut self, path: String, mut bytes: Bytes) {
        if path == "/index.html" {
            // By this the page knows that it is over a server, and where: beside itself.
            let html = String::from_utf8_lossy(&bytes);
            bytes = html
                .replacen("</head>", "<meta name=\"rollout-lab-server\" content=\"./\">\n</head>", 1)
                .into();
        }
        if path.ends_with(".html") {
            self.scripts.extend(inline_scripts(&String::from_utf8_lossy(&bytes)));
        }
        let tag: String = Sha256::digest(&bytes).iter().take(12).map(|b| format!("{b:02x}")).collect();
        let name = path.rsplit('/').next().unwrap_or_default();
        // Files with a hash in their names never change; a new page must not meet an old worker.
        let hashed =
            name.split(['-', '.', '_']).any(|p| p.len() == 16 && p.bytes().all(|b| b.is_ascii_hexdigit()));
        let asset = Asset {
            content_type: content_type(&path),
            etag: super::invoke::header(&format!("\"{tag}\"")),
            cache: if hashed { "public, max-age=31536000, immutable" } else { "no-cache" },
            bytes,
        };
        self.assets.insert(path, asset);
    }

    /// The scripts between the tags of its pages, for the policy that allows them alone.
    pub fn inline_scripts(&self) -> &[String] {
        &self.scripts
    }

    /// Answers `GET` of a path.
    ///
    /// # Errors
    /// [`Refusal`] with 400 for a path that leads upwards, 404 for one that is not there.
    pub fn get(&self, path: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
        let lower = path.to_ascii_lowercase();
        if path.contains("..")
            || path.contains('\\')
            || ["%2e", "%2f", "%5c", "%00"].iter().any(|e| lower.contains(e))
        {
            return Err(Refusal::plain(400, "the path leads out of the site"));
        }
        let file = if path == "/" { "/index.html" } else { path };
        let Some(asset) = self.assets.get(file) else {
            let words = if self.assets.is_empty() {
                "the server was started without a site; build it with `make build`, or name it with --site"
            } else {
                "there is nothing at this path"
            };
            return Err(Refusal::plain(404, words));
        };
        let fresh = headers.get(IF_NONE_MATCH).is_some_and(|t| *t == asset.etag);
        let mut response = Response::new(if fresh { Body::empty() } else { Body::from(asset.bytes.clone()) });
        if fresh {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let out = response.headers_mut();
        out.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        out.insert(ETAG, asset.etag.clone());
        out.insert(CACHE_CONTROL, HeaderValue::from_static(asset.cache));
        Ok(response)
    }
}

/// What stands between `<script …>` and `</script>`, where it is not empty.
fn inline_scripts(html: &str) -> Vec<String> {
    let mut scripts = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once("<script") {
        let Some((_, body)) = after.split_once('>') else { break };
        let Some((script, after)) = body.split_once("</script>") else { break };
        if !script.is_empty() {
            scripts.push(script.to_owned());
        }
        rest = after;
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let mut site = Site::default();
        site.add("/index.html".into(), Bytes::from_static(b"<script>a()</script><script src=x></script>"));
        site.add("/page-0123456789abcdef.js".into(), Bytes::from_static(b"1"));
        site
    }

    #[test]
    fn only_what_was_read_is_served() {
        let site = site();
        assert_eq!(site.inline_scripts(), ["a()"]);
        let status = |path: &str| site.get(path, &HeaderMap::new()).map_or_else(|e| e.status, |_| 200);
        assert_eq!((status("/"), status("/index.html"), status("/nope")), (200, 200, 404));
        for bad in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2fx", "/a\\b", "/%00"] {
            assert_eq!(status(bad), 400, "{bad}");
        }
    }

    #[test]
    fn files_with_a_hash_may_be_kept() {
        let site = site();
        let cache = |path: &str| site.get(path, &HeaderMap::new()).unwrap().headers()[CACHE_CONTROL].clone();
        assert!(cache("/page-0123456789abcdef.js").to_str().unwrap().contains("immutable"));
        assert_eq!(cache("/"), "no-cache");
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, site.get("/", &headers).unwrap().headers()[ETAG].clone());
        assert_eq!(site.get("/", &headers).unwrap().status(), 304);
    }
}
