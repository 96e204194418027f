// One wish of a user about an existing image. Paths are taken from the image's root; directories on the way
// may be symbolic links, which are followed inside the image and never out of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace cg::image {

// A file of the host goes in; missing parents are made (0755, root).
struct Injection {
  std::filesystem::path source;       // a regular file of the host, or a symbolic link to one
  std::string destination;            // ending in "/": into that directory
  std::optional<std::uint32_t> mode;  // default: the replaced file's, else the source's
  std::optional<std::uint32_t> uid;   // default: the replaced file's, else 0
  std::optional<std::uint32_t> gid;
  // What a file that is there already becomes: another file under this name, or the same one with other
  // bytes, so that its other names (hard links), owner, mode and attributes stay.
  enum class Existing { replaced, rewritten } existing = Existing::replaced;
};

struct Removal {
  std::string path;  // a symbolic link itself, not what it leads to
  enum class Depth {
    single,
    recursive
  } depth = Depth::single;  // single: refuses a directory that is not empty
};

struct NewDirectory {
  std::string path;  // parents are made; one that exists takes mode and owner where they are given
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct NewSymlink {
  std::string path;  // a symbolic link that is there is replaced, nothing else is
  std::string target;
};

struct ModeChange {
  std::string path;
  std::uint32_t mode = 0;
};

struct OwnerChange {
  std::string path;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

using Change = std::variant<Injection, Removal, NewDirectory, NewSymlink, ModeChange, OwnerChange>;

// What came of one change.
struct Changed {
  std::string path;         // where it took effect
  std::string what;         // "added", "replaced", "removed", …
  std::uint64_t bytes = 0;  // of a file that was put in
};

// "SRC:DEST[:MODE[:UID:GID]]", MODE octal. A colon in a name is written "\:", and a SRC that exists as it
// stands is taken as a name even when it holds colons.
Result<Injection> parse_injection(std::string_view text);
Result<std::uint32_t> parse_mode(std::string_view text);  // octal, at most 7777
struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
Result<Owner> parse_owner(std::string_view text);  // "UID:GID"

}  // namespace cg::image
