#include "criu/versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "base/text.h"
#include "base/toml/toml.h"
#include "criu/builtin_data.h"

namespace cg {
namespace {

Result<void> read_release(const TomlNode& table, const std::string& name, CriuVersions& versions) {
  TomlReader reader(table, name);
  reader.only({"version", "default", "only", "from", "known"});
  const std::string text = reader.required_string("version");
  const auto version = parse_version(text);
  if (!version) reader.fail("version", fmt::format("'{}' is no version such as 4.1.1", text));
  if (version && !versions.releases.empty() && *version <= versions.releases.back().version)
    reader.fail("version", fmt::format("{} stands behind {}; the oldest is first", text,
                                       versions.releases.back().version.text()));
  const std::string because = reader.string("default");
  if (!because.empty() && !versions.preferred_because.empty())
    reader.fail("default", "another row has it already");
  CriuRelease release{version.value_or(Version{}), reader.strings("from"), reader.strings("known"),
                      reader.string("only")};
  if (!because.empty() && !release.only.empty()) reader.fail("only", "the default is known wholly");
  static const std::vector<std::string> places = {"upstream", "debian", "debian-binary"};
  for (const auto& place : release.from)
    if (std::ranges::find(places, place) == places.end())
      reader.fail("from", fmt::format("'{}' is none of upstream, debian, debian-binary", place));
  if (release.known.empty()) reader.fail("known", "missing; what sets it apart from the version before?");
  CG_CHECK(reader.error());
  if (!because.empty()) {
    versions.preferred = release.version;
    versions.preferred_because = because;
  }
  if (release.only.empty()) versions.all.push_back(release.version);
  versions.releases.push_back(std::move(release));
  return {};
}

Result<CriuVersions> read_criu_versions(const TomlNode& root, const std::string& name) {
  TomlReader reader(root, name);
  reader.only({"version"});
  CriuVersions versions;
  for (const TomlNode* table : reader.tables("version")) CG_CHECK(read_release(*table, name, versions));
  if (versions.preferred_because.empty()) reader.fail("version", "no row has the key default");
  CG_CHECK(reader.error());
  return versions;
}

}  // namespace

bool CriuVersions::cover(const Version& version, Matter matter) const {
  const auto release = std::ranges::find(releases, version, &CriuRelease::version);
  return release != releases.end() && (matter == Matter::words || release->only.empty());
}

std::string CriuVersions::not_covered(const Version& version) const {
  const auto release = std::ranges::find(releases, version, &CriuRelease::version);
  if (release != releases.end() && !release->only.empty())
    return fmt::format("CRIU {} is known here to kcheck flags and explain only: {} (nearest first: {})",
                       version.text(), release->only, nearest(version));
  return fmt::format("CRIU {} is not covered here (nearest first: {})", version.text(), nearest(version));
}

std::string CriuVersions::nearest(const Version& version) const {
  std::vector<Version> ordered(all.rbegin(), all.rend());
  std::ranges::stable_sort(ordered, {}, [&](const Version& one) {
    std::array<int, 3> difference{};
    for (std::size_t i = 0; i < difference.size(); ++i)
      difference[i] = std::abs(one.number[i] - version.number[i]);
    return difference;
  });
  std::vector<std::string> names;
  for (const auto& one : ordered) names.push_back(one.text());
  return join(names, ", ");
}

Result<Version> CriuVersions::resolve(std::string_view text) const {
  if (const auto meant = meant_version(text, all, preferred)) return *meant;
  if (const auto version = parse_version(text)) return *version;
  return usage_error(fmt::format("'{}' is no CRIU version; known here: {}", text,
                                 nearest(leading_version(text).value_or(all.back()))));
}

Result<Version> CriuVersions::resolve_covered(std::string_view text) const {
  CG_TRY(version, resolve(text));
  if (cover(version)) return version;
  return cannot(not_covered(version));
}

std::optional<Version> meant_version(std::string_view text, std::span<const Version> among,
                                     const Version& preferred) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto has = [&](const Version& version) { return std::ranges::find(among, version) != among.end(); };
  if (text.empty() || text == "default") return has(preferred) ? std::optional(preferred) : std::nullopt;
  const auto exact = parse_version(text);
  if (exact && has(*exact)) return exact;
  if (text.ends_with(".x")) text.remove_suffix(2);
  const std::string series = std::string(text) + ".";
  const auto belongs = [&](const Version& version) {
    return fmt::format("{}.{}.{}", version.number[0], version.number[1], version.number[2])
        .starts_with(series);
  };
  if (has(preferred) && belongs(preferred)) return preferred;
  const auto newest = std::ranges::find_if(among.rbegin(), among.rend(), belongs);
  return newest == among.rend() ? std::nullopt : std::optional(*newest);
}

Result<CriuVersions> parse_criu_versions(std::string_view text, const std::string& name) {
  CG_TRY(document, parse_toml(text, name));
  return read_criu_versions(document.root(), name);
}

const CriuVersions& criu_versions() {
  static const CriuVersions versions = [] {
    auto read = read_criu_versions(*data::criu_versions, "criu-versions.toml");
    if (!read) throw std::logic_error(read.error().message);  // a test reads the same data
    return std::move(*read);
  }();
  return versions;
}

}  // namespace cg
