// Debian's archive as this machine knows it: mirrors, proxies and signed hashes come from apt, never from us.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

// The base URIs of apt's repositories, Debian's own first, each ending in "/". Only kinds that a download can
// use.
Result<std::vector<std::string>> apt_mirrors(const std::string& apt_get);

// apt's http proxy; empty when it has none.
std::string apt_proxy();

// "pool/main/c/criu/<file>"; packages named lib… lie under their first four letters.
std::string pool_path(const std::string& package, const std::string& file);

struct AptPackage {
  std::string uri;
  std::string file;              // "linux-source-6.12_6.12.117-1~deb12u1_all.deb"
  std::string sha256;            // empty when apt names another kind of hash
  std::string version;           // "6.12.117-1~deb12u1"
  std::string upstream_version;  // "6.12.117"
};

// The candidate that apt would download.
Result<AptPackage> apt_package(const std::string& apt_get, const std::string& package);
// "2:6.12.117-1~deb12u1" -> "6.12.117".
std::string upstream_version(std::string_view version);

// Copies the file `member` ("usr/src/linux-source-6.12.tar.xz") out of a .deb; its SHA-256. `to` is written
// whole.
Result<std::string> extract_from_deb(const std::filesystem::path& deb, const std::string& member,
                                     const std::filesystem::path& to);

}  // namespace cg
