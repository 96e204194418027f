#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <system_error>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/process.h"
#include "base/text.h"
#include "source/debian.h"
#include "source/progress.h"

namespace cg {
namespace fs = std::filesystem;
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

Result<std::string> ask(const std::vector<std::string>& argv, const std::filesystem::path& configuration = {},
                        std::chrono::minutes limit = std::chrono::minutes(2)) {
  if (!find_program(argv[0]))
    return cannot(argv[0] + " is not on this machine; this source needs a Debian system");
  ProcessOptions options{.directory = "/", .set_variables = {{"LC_ALL", "C"}}, .timeout = limit};
  if (!configuration.empty()) options.set_variables["APT_CONFIG"] = configuration.string();
  CG_TRY(result, run(argv, options));
  if (result.status != 0) {
    std::string why(trim(last_lines(result.err, 1)));
    if (why.contains("Unable to locate package") || why.contains("Can't select candidate") ||
        why.contains("No packages found"))
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

Result<Apt> apt_of_suite(const std::string& apt_get, const std::string& suite, const fs::path& directory,
                         Progress& progress) {
  const std::string here = directory.string();
  if (here.find_first_of("\"\n\\") != std::string::npos)
    return usage_error(here + " has a character in its path that apt cannot handle; name another cache");
  CG_TRY(mirrors, apt_mirrors(apt_get));
  CG_CHECK(make_directories(directory / "lists" / "partial"));
  CG_CHECK(make_directories(directory / "cache" / "archives" / "partial"));
  CG_TRY(lock, FileLock::acquire(directory / "lock", [&](const std::string& line) { progress.line(line); }));
  const Apt apt{apt_get, directory / "apt.conf"};
  const fs::path fetched = directory / "fetched";
  const std::string source = fmt::format("deb {} {} main\n", mirrors.front(), suite);
  std::error_code error;
  const auto at = fs::last_write_time(fetched, error);
  const bool fresh = !error && fs::file_time_type::clock::now() - at < std::chrono::hours(24) &&
                     read_file(fetched).value_or("") == source;
  if (fresh) return apt;
  CG_CHECK(write_file_atomically(directory / "sources.list", source));
  CG_CHECK(write_file_atomically(directory / "status", ""));
  CG_CHECK(write_file_atomically(apt.configuration, fmt::format(R"(Dir::State "{0}";
Dir::State::lists "{0}/lists";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
)",
                                                                here)));
  progress.line("asking apt for the lists of " + suite);
  CG_TRY(said, ask({apt_get, "-q", "update"}, apt.configuration, std::chrono::minutes(10)));
  CG_CHECK(write_file_atomically(fetched, source));
  return apt;
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

// One line for each: 'URI' FILE SIZE HASH-KIND:HASH
Result<std::vector<AptPackage>> apt_packages(const Apt& apt, const std::vector<std::string>& packages) {
  std::vector<std::string> argv{apt.program, "-qq", "download", "--print-uris"};
  argv.insert(argv.end(), packages.begin(), packages.end());
  CG_TRY(text, ask(argv, apt.configuration));
  std::map<std::string, AptPackage> named;
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
    named[parts[0]] = std::move(found);
  }
  std::vector<AptPackage> all;
  for (const auto& package : packages) {
    const auto found = named.find(package);
    if (found == named.end())
      return cannot(fmt::format("apt-get download --print-uris {}: no package was named", package));
    all.push_back(found->second);
  }
  return all;
}

// "  Depends: linux-image-6.1.0-56-cloud-amd64", a line for each.
Result<std::string> apt_dependency(const Apt& apt, const std::string& package, const std::string& beginning) {
  const std::string apt_cache = fs::path(apt.program).replace_filename("apt-cache").string();
  CG_TRY(text, ask({apt_cache, "depends", package}, apt.configuration));
  constexpr std::string_view depends = "Depends: ";
  for (const auto line : split_lines(text)) {
    const std::string_view said = trim(line);
    if (said.starts_with(depends) && said.substr(depends.size()).starts_with(beginning))
      return std::string(said.substr(depends.size()));
  }
  return cannot(fmt::format("apt-cache depends {}: it depends on no {}…", package, beginning));
}

}  // namespace cg
