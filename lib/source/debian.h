// Debian's archive as this machine knows it: mirrors, proxies and signed hashes come from apt, never from us.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

class Progress;

// How apt is asked: the program, and a configuration of ours; empty: the machine's.
struct Apt {
  std::string program = "apt-get";
  std::filesystem::path configuration;
};

// apt as it sees one suite of Debian's archive alone, whatever suites the machine's own has, which stays as
// it is. Mirror, proxy and keys are the machine's. The lists, kept below `directory`, are fetched anew when
// they are older than a day.
Result<Apt> apt_of_suite(const std::string& apt_get, const std::string& suite,
                         const std::filesystem::path& directory, Progress& progress);

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

// The candidates that apt would download, in the order of `packages`: one call, since apt reads its lists
// anew each time.
Result<std::vector<AptPackage>> apt_packages(const Apt& apt, const std::vector<std::string>& packages);
// The package that `package` depends on whose name begins so: the one that a metapackage stands for.
Result<std::string> apt_dependency(const Apt& apt, const std::string& package, const std::string& beginning);
// "2:6.12.117-1~deb12u1" -> "6.12.117".
std::string upstream_version(std::string_view version);

// Copies the file `member` ("usr/src/linux-source-6.12.tar.xz") out of a .deb; its SHA-256. `to` is written
// whole.
Result<std::string> extract_from_deb(const std::filesystem::path& deb, const std::string& member,
                                     const std::filesystem::path& to);

// All files of a .deb in `directory`, which is whole once it exists.
Result<void> unpack_deb(const std::filesystem::path& deb, const std::filesystem::path& directory);

}  // namespace cg
