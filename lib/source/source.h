// Where a recipe's source code comes from: a list of places tried in order, each named by content. fetch()
// hands out a file whose bytes are known, from the cache, a local file or the network; unpack() makes a tree
// of it.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/toml/toml.h"

namespace cg {

enum class SourceKind {
  url,             // an http(s) or file URL, hash pinned
  debian_source,   // a file of a Debian source package, hash pinned; the mirror is apt's
  debian_package,  // a file inside a Debian binary package; integrity from apt's signed metadata
};

struct Source {
  SourceKind kind = SourceKind::url;
  std::string url;      // url
  std::string package;  // debian_source, debian_package
  std::string suite;    // debian_package: of Debian's archive; empty: what the machine's apt has
  std::string file;     // debian_source: file name in the pool; else the name in the cache
  std::string
      version_pattern;   // debian_package: glob that the package's upstream version must match; may be empty
  std::string sha256;    // 64 lower-case digits; empty for a debian_package
  std::string unpacked;  // debian_package: path of the file inside the .deb
  std::string version;   // what this source holds when it is not SourceList::version
};

struct SourceList {
  std::string name;     // "criu", "linux"
  std::string version;  // of the recipe
  std::vector<Source> sources;
};

// Reads `name`, `version` and every [[source]] of a recipe:
//   [[source]]  kind = "url"             url, sha256, optional file and version
//   [[source]]  kind = "debian_source"   package, file, sha256, optional version
//   [[source]]  kind = "debian_package"  package, unpacked, optional suite, file and
//                                        version_pattern
// `file` is the recipe's name in messages. Refused with file:line:column when a key is missing, unknown or
// wrong.
Result<SourceList> read_sources(const TomlNode& recipe, const std::string& file);

struct FetchOptions {
  std::filesystem::path cache;
  std::filesystem::path local;       // --source: this file or nothing
  std::ostream* progress = nullptr;  // lines of what is done and what failed; nullptr: silent
  bool terminal = false;             // `progress` is a terminal: a moving line instead of plain ones
  bool offline = false;              // the cache and `local` only
  long connect_seconds = 5;          // an unreachable host is given up after this
  std::string apt_get = "apt-get";   // the program asked for mirrors and packages
};

struct Fetched {
  std::filesystem::path path;
  std::string sha256;
  std::string version;  // what this file holds: for a debian_package the upstream version that apt has
  std::string
      origin;  // for people: "cache", "local file", the URL, "apt source package criu (criu_….tar.xz)"
};

// The first source that can be had, looked up in the cache for every source before any network is touched:
//   <cache>/sources/<sha256>/<name>            what an earlier fetch left
//   <cache>/sources/<name>, <cache>/<name>     put there by hand; as good when the hash is right
// Refused (naming both hashes, deleting nothing) when only wrong bytes could be had, cannot when nothing
// could.
Result<Fetched> fetch(const SourceList& list, const FetchOptions& options);

// The file fetch() would return without network, local file or waiting; an error when there is none.
Result<Fetched> find_in_cache(const SourceList& list, const FetchOptions& options);

// A package as apt vouches for it, whole.
struct FetchedPackage {
  std::filesystem::path path;  // of the .deb, in the cache
  std::string package;
  std::string suite;
  std::string version;  // of the package: "4.3-1~exp2"
  std::string sha256;
};
// In the order of `sources`, each a debian_package; what `unpacked` says is not looked at.
Result<std::vector<FetchedPackage>> fetch_packages(const std::vector<Source>& sources,
                                                   const FetchOptions& options);

// The package that `source` depends on whose name begins so, as apt has both now.
Result<FetchedPackage> fetch_dependency(const Source& source, const std::string& beginning,
                                        const FetchOptions& options);

// The name under which a source lies in the cache.
std::string source_file_name(const Source& source);

// Whether a symbolic link whose target lies outside the unpacked tree is an error or is made as it stands. It
// is never followed while unpacking. CRIU up to 4.1.1 ships one to
// /usr/include/google/protobuf/descriptor.proto.
enum class OutsideLinks { refuse, keep };

// Unpacks a tar of any compression and drops `strip` leading path components. Refuses what is not a tar,
// absolute names, "..", hard links out, names that lead through a link, devices. The tree is built beside and
// renamed, so a `directory` that exists is whole and is left as it is: name it by content.
Result<void> unpack(const std::filesystem::path& archive, const std::filesystem::path& directory, int strip,
                    OutsideLinks links = OutsideLinks::refuse);

}  // namespace cg
