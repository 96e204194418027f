// The CRIU versions that this project's data cover (recipes/criu-versions.toml): the one list of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "criu/version.h"

namespace cg {

struct CriuRelease {
  Version version;
  std::vector<std::string> from;   // where it can be had: "upstream", "debian", "debian-binary"
  std::vector<std::string> known;  // what sets it apart from the one before
  std::string only;                // why no more than its words is known; empty: all is
};

// What is asked about a version: how it gets on with a kernel and a process tree, or what its options and its
// error texts mean.
enum class Matter { all, words };

struct CriuVersions {
  std::vector<CriuRelease> releases;  // oldest first
  std::vector<Version> all;           // those of which all is known
  Version preferred;                  // where none is named
  std::string preferred_because;

  bool cover(const Version& version, Matter matter = Matter::all) const;
  // "CRIU 3.20 is not covered here (nearest first: …)".
  std::string not_covered(const Version& version) const;
  std::string nearest(const Version& version) const;  // all of them, nearest first: "4.2.1, 4.2, ..."
  // The version that a user means. One that the data do not cover is returned as well: cover() tells. A usage
  // error for a word that is no version.
  Result<Version> resolve(std::string_view text) const;
  // The same, but cannot() for one that is not covered.
  Result<Version> resolve_covered(std::string_view text) const;
};

// What "", "default", "4", "4.x", "3.17" or "v4.1.1" mean among versions that stand oldest first: a version
// itself; of a series the preferred one when it belongs to it, else the newest.
std::optional<Version> meant_version(std::string_view text, std::span<const Version> among,
                                     const Version& preferred);

// Refused with "file:line:column: what" for what is no such list.
Result<CriuVersions> parse_criu_versions(std::string_view text, const std::string& name);
// The list compiled in.
const CriuVersions& criu_versions();

}  // namespace cg
