#include "recipe/base_layer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>

#include "base/cli/watch.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/host.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "elf/elf.h"
#include "recipe/package_archive.h"
#include "source/debian.h"
#include "source/download.h"
#include "source/store.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

void say(const LayerOptions& options, const std::string& text) {
  if (options.progress) *options.progress << text << std::endl;
}

struct AptTarget {
  std::string codename;
  std::string line;  // for a sources.list
};

// What this machine's apt is set up with: the distribution's own repositories, as lines of a sources.list. A
// field that a repository does not have is printed as its placeholder.
Result<std::vector<AptTarget>> apt_targets() {
  const auto out = run_checked({"apt-get", "indextargets", "--format",
                                "$(ORIGIN)\t$(CODENAME)\t$(RELEASE)\t$(SITE)\t$(COMPONENT)\t$(SIGNED_BY)",
                                "Created-By: Packages", "Target-Of: deb"});
  if (!out)
    return cannot("this recipe needs Debian packages, and apt gives no list of repositories: " +
                  out.error().message);
  std::vector<AptTarget> debian;
  std::vector<AptTarget> others;
  for (const auto line : split_lines(*out)) {
    auto fields = split(line, '\t');
    if (fields.size() < 6 || fields[1].empty() || fields[1].starts_with('$')) continue;
    const std::string key = fields[5].starts_with('/') ? fmt::format("[signed-by={}] ", fields[5]) : "";
    auto& targets = fields[0] == "Debian" ? debian : others;
    targets.push_back({fields[1], fmt::format("deb {}{} {} {}", key, fields[3], fields[2], fields[4])});
  }
  if (debian.empty()) debian = std::move(others);
  if (debian.empty()) return cannot("apt knows no package lists; apt-get update fetches them");
  return debian;
}

fs::path layer_path(const LayerOptions& options, std::string_view kind, const std::string& identity) {
  return options.cache / "rootfs" / fmt::format("{}-{}.tar", kind, sha256_hex(identity).substr(0, 24));
}

// One call for all packages: asking apt for one takes as long as for twenty. Lines: 'URI' FILE SIZE
// SHA256:HASH
Result<std::vector<AptPackage>> find_packages(const std::vector<std::string>& names) {
  std::vector<std::string> argv = {"apt-get", "-qq", "download", "--print-uris"};
  argv.insert(argv.end(), names.begin(), names.end());
  if (!find_program(argv[0]))
    return cannot("this recipe needs Debian packages, and there is no apt-get on this machine");
  CG_TRY(result, run(argv, {.directory = "/", .set_variables = {{"LC_ALL", "C"}}}));
  if (result.status != 0)
    return cannot(
        fmt::format("apt-get download: {} (is the list of packages there? apt-get update fetches it)",
                    trim(last_lines(result.err, 2))));
  std::map<std::string, AptPackage> found;
  for (const auto line : split_lines(result.out)) {
    const auto words = split(line, ' ');
    if (words.size() < 4 || words[0].size() < 3 || !words[3].starts_with("SHA256:")) continue;
    const auto parts = split(words[1], '_');
    if (parts.size() != 3 || words[1].contains('/')) continue;
    found[parts[0]] = AptPackage{.uri = words[0].substr(1, words[0].size() - 2),
                                 .file = words[1],
                                 .sha256 = words[3].substr(7),
                                 .version = parts[1],
                                 .upstream_version = {}};
  }
  std::vector<AptPackage> packages;
  for (const auto& name : names) {
    if (!found.contains(name))
      return cannot(fmt::format("apt-get download --print-uris: no SHA-256 for the package {}", name));
    packages.push_back(found[name]);
  }
  return packages;
}

Result<fs::path> fetch_package(const AptPackage& package, const std::string& proxy,
                               const LayerOptions& options) {
  const SourceStore store(options.cache);
  Progress progress(options.progress, options.terminal);
  CG_TRY(lock, store.lock(package.sha256, progress));
  CG_TRY(known, store.find(package.sha256, package.file, progress));
  if (known) return *known;
  const fs::path part = store.part(package.sha256, package.file);
  CG_CHECK(make_directories(part.parent_path()));
  progress.begin(package.uri);
  auto got = download(package.uri, part, {.proxy = proxy}, progress);
  if (!got) return cannot(fmt::format("{}: {}", package.uri, got.error().message));
  std::error_code ignored;
  progress.end(fs::file_size(part, ignored));
  CG_TRY(found, sha256_file(part));
  if (found != package.sha256) {
    const fs::path aside = store.set_aside(part);
    return refused(fmt::format("{}: its SHA-256 is {}, apt's list says {} (kept as {})", package.uri, found,
                               package.sha256, aside.string()));
  }
  return store.adopt(part, package.sha256, package.file);
}

}  // namespace

Result<BaseLayer> picked_layer(const RecipeDebs& debs, const LayerOptions& options) {
  const std::string identity = fmt::format("picked 1\n{}\n{}\n{}\n", host_machine(), join(debs.packages, " "),
                                           join(debs.include, " "));
  const fs::path tar = layer_path(options, "picked", identity);
  CG_TRY(lock, FileLock::acquire(tar.string() + ".lock", [&](const std::string& line) {
           if (options.progress) *options.progress << line << std::endl;
         }));
  std::error_code error;
  if (!options.refresh && fs::exists(tar, error)) return BaseLayer{tar, true};
  if (options.offline)
    return cannot("the part of the image that comes from Debian's packages is not in the cache, and offline");
  CG_TRY(packages, find_packages(debs.packages));
  const std::string proxy = apt_proxy();
  PackageFiles files;
  std::string versions;
  for (std::size_t i = 0; i < packages.size(); ++i) {
    CG_TRY(deb, fetch_package(packages[i], proxy, options));
    CG_CHECK(read_package(deb, files));
    versions += fmt::format("{} {}\n", debs.packages[i], packages[i].version);
  }
  CG_TRY(paths, select_files(files, debs.include));
  CG_CHECK(write_file_atomically(tar.string() + ".packages", versions));
  CG_CHECK(write_tar(files, paths, tar));
  say(options, fmt::format("picked {} files out of {} packages", paths.size(), packages.size()));
  return BaseLayer{tar, false};
}

Result<BaseLayer> debian_layer(const RecipeDebian& debian, const LayerOptions& options) {
  CG_TRY(targets, apt_targets());
  const std::string suite = targets.front().codename;
  std::string lines;
  for (const auto& target : targets) lines += target.line + "\n";
  const std::string identity =
      fmt::format("debian 1\n{}\n{}\n{}{}\n{}\n{}\n", host_machine(), suite, lines, debian.variant,
                  join(debian.packages, " "), join(debian.exclude, " "));
  const fs::path tar = layer_path(options, "debian-" + suite, identity);
  CG_TRY(lock, FileLock::acquire(tar.string() + ".lock", [&](const std::string& line) {
           if (options.progress) *options.progress << line << std::endl;
         }));
  std::error_code error;
  if (!options.refresh && fs::exists(tar, error)) return BaseLayer{tar, true};
  if (options.offline)
    return cannot("the part of the image that comes from Debian's packages is not in the cache, and offline");
  if (!find_program("mmdebstrap"))
    return cannot("this recipe needs mmdebstrap, which is not on PATH; 'make deps' installs it");
  CG_TRY(output, AtomicFile::create(tar));
  std::vector<std::string> argv = {"mmdebstrap", "--format=tar", "--variant=" + debian.variant};
  if (!debian.packages.empty()) argv.push_back("--include=" + join(debian.packages, ","));
  for (const auto& pattern : debian.exclude) argv.push_back("--dpkgopt=path-exclude=" + pattern);
  argv.push_back(suite);
  argv.push_back(fmt::format("/proc/{}/fd/{}", getpid(), output.fd()));
  for (const auto& target : targets) argv.push_back(target.line);
  say(options, fmt::format("mmdebstrap: a Debian {} base ({})", suite, join(debian.packages, " ")));
  std::optional<Watch> watch(std::in_place, "mmdebstrap", options.progress, options.terminal);
  CG_TRY(made, run(argv, {.set_variables = {{"LC_ALL", "C.UTF-8"}}}));
  watch.reset();
  if (made.status != 0)
    return cannot(
        fmt::format("mmdebstrap failed with status {}:\n{}", made.status, last_lines(made.err, 12)));
  CG_CHECK(output.commit());
  return BaseLayer{tar, false};
}

}  // namespace cg
