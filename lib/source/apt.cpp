#include <fmt/format.h>

#include <algorithm>

#include "base/process.h"
#include "base/text.h"
#include "source/debian.h"

namespace cg {
namespace {

// apt's file names write ':' as "%3a".
std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

Result<std::string> ask(const std::vector<std::string>& argv) {
  if (!find_program(argv[0]))
    return cannot(argv[0] + " is not on this machine; this source needs a Debian system");
  CG_TRY(
      result,
      run(argv, {.directory = "/", .set_variables = {{"LC_ALL", "C"}}, .timeout = std::chrono::minutes(2)}));
  if (result.status != 0) {
    std::string why(trim(last_lines(result.err, 1)));
    if (why.contains("Unable to locate package") || why.contains("Can't select candidate"))
      why += " (is the list of packages there? apt-get update fetches it)";
    return cannot(fmt::format("{}: {}", join(argv, " "), why));
  }
  return std::move(result.out);
}

}  // namespace

Result<std::vector<std::string>> apt_mirrors(const std::string& apt_get) {
  CG_TRY(text, ask({apt_get, "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"}));
  std::vector<std::string> debian;
  std::vector<std::string> others;
  for (const auto line : split_lines(text)) {
    const std::size_t space = line.rfind(' ');
    if (space == std::string_view::npos) continue;
    std::string uri(line.substr(space + 1));
    if (uri.starts_with("copy:")) uri = "file:" + uri.substr(5);
    if (uri.starts_with("file:/") && !uri.starts_with("file://")) uri = "file://" + uri.substr(5);
    if (!uri.starts_with("http://") && !uri.starts_with("https://") && !uri.starts_with("file://")) continue;
    if (!uri.ends_with('/')) uri += '/';
    auto& list = line.starts_with("Debian ") ? debian : others;
    if (std::ranges::find(list, uri) == list.end()) list.push_back(uri);
  }
  debian.insert(debian.end(), others.begin(), others.end());
  if (debian.empty()) return cannot("apt knows no package lists; apt-get update fetches them");
  return debian;
}

std::string apt_proxy() {
  const auto result = ask({"apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy"});
  if (!result) return "";
  const std::string proxy(trim(*result));
  return proxy == "DIRECT" ? "" : proxy;
}

std::string pool_path(const std::string& package, const std::string& file) {
  const std::string prefix = package.substr(0, package.starts_with("lib") ? 4 : 1);
  return fmt::format("pool/main/{}/{}/{}", prefix, package, file);
}

std::string upstream_version(std::string_view version) {
  if (const auto colon = version.find(':'); colon != std::string_view::npos) version.remove_prefix(colon + 1);
  return std::string(version.substr(0, version.rfind('-')));
}

// One line: 'URI' FILE SIZE HASH-KIND:HASH
Result<AptPackage> apt_package(const std::string& apt_get, const std::string& package) {
  CG_TRY(text, ask({apt_get, "-qq", "download", "--print-uris", package}));
  for (const auto line : split_lines(text)) {
    const auto words = split(line, ' ');
    if (words.size() < 4 || !words[0].starts_with('\'') || !words[0].ends_with('\'') || words[0].size() < 3)
      continue;
    AptPackage found;
    found.uri = words[0].substr(1, words[0].size() - 2);
    found.file = words[1];
    const auto parts = split(found.file, '_');
    if (parts.size() != 3 || found.file.contains('/')) continue;
    found.version = percent_decoded(parts[1]);
    found.upstream_version = upstream_version(found.version);
    if (words[3].starts_with("SHA256:")) found.sha256 = words[3].substr(7);
    return found;
  }
  return cannot(fmt::format("apt-get download --print-uris {}: no package was named", package));
}

}  // namespace cg
