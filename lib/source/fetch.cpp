// The order of fetch(): local file, cache for every source, then each source's network, under a lock per hash
// so that two processes download once.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>

#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "source/debian.h"
#include "source/download.h"
#include "source/source.h"
#include "source/store.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

class Fetcher {
 public:
  Fetcher(const SourceList& list, const FetchOptions& options)
      : list_(list),
        options_(options),
        store_(options.cache),
        progress_(options.progress, options.terminal) {}

  Result<Fetched> local();
  Result<std::optional<Fetched>> cached();
  Result<Fetched> network();
  Result<std::vector<FetchedPackage>> packages();
  Result<std::string> dependency(const Source& source, const std::string& beginning);

 private:
  Result<std::optional<Fetched>> cached(const Source& source);
  Result<Fetched> network(const Source& source);
  Result<Fetched> pinned(const Source& source, const std::string& url, const std::string& origin,
                         const std::string& proxy);
  Result<Fetched> debian_source(const Source& source);
  Result<Fetched> debian_package(const Source& source);
  Result<fs::path> download_verified(const std::string& url, const std::string& sha256,
                                     const std::string& name, const std::string& proxy);
  Result<Apt> apt_for(const Source& source);
  Result<AptPackage> candidate(const Apt& apt, const Source& source) const;
  Result<fs::path> download_package(const Apt& apt, const Source& source, const AptPackage& package);

  std::string version_of(const Source& source) const {
    return source.version.empty() ? list_.version : source.version;
  }
  fs::path record_of(const Source& source) const {
    return store_.directory() / "packages" / (source.package + ".toml");
  }

  const SourceList& list_;
  const FetchOptions& options_;
  SourceStore store_;
  Progress progress_;
};

// What an earlier fetch took out of a package: which bytes, and what version apt said they are.
struct PackageRecord {
  std::string sha256;
  std::string version;
  std::string package_version;
};

std::optional<PackageRecord> read_record(const fs::path& path) {
  const auto document = load_toml(path);
  if (!document) return std::nullopt;
  TomlReader reader(document->root(), path.string());
  PackageRecord record{reader.required_string("sha256"), reader.required_string("version"),
                       reader.required_string("package_version")};
  if (!reader.error()) return std::nullopt;
  return record;
}

bool version_fits(const Source& source, const std::string& version) {
  return source.version_pattern.empty() || fnmatch(source.version_pattern.c_str(), version.c_str(), 0) == 0;
}

std::string describe(const Source& source) {
  switch (source.kind) {
    case SourceKind::url:
      return source.url;
    case SourceKind::debian_source:
      return fmt::format("apt source package {} ({})", source.package, source.file);
    case SourceKind::debian_package:
      return "apt package " + source.package + (source.suite.empty() ? "" : " of " + source.suite);
  }
  return "";
}

Result<Fetched> Fetcher::local() {
  std::error_code error;
  if (!fs::is_regular_file(options_.local, error))
    return cannot(fmt::format("--source {}: {}", options_.local.string(),
                              error ? error.message() : "not a regular file"));
  CG_TRY(found, sha256_file(options_.local));
  std::string wanted;
  for (const auto& source : list_.sources) {
    std::string sha256 = source.sha256;
    std::string version = version_of(source);
    if (source.kind == SourceKind::debian_package) {
      const auto record = read_record(record_of(source));
      if (!record || !version_fits(source, record->version)) continue;
      sha256 = record->sha256;
      version = record->version;
    }
    if (sha256 == found) return Fetched{fs::absolute(options_.local), found, version, "local file"};
    wanted += fmt::format("\n  {} {}", sha256, describe(source));
  }
  return refused(fmt::format(
      "--source {}: its SHA-256 is\n  {}\nthe recipe of {} {} wants{}{}", options_.local.string(), found,
      list_.name, list_.version, wanted.empty() ? " a file from apt's signed package" : wanted,
      list_.name.starts_with("linux")
          ? "\n--sha256 with the first of these vouches for the file in the recipe's place"
          : ""));
}

Result<std::optional<Fetched>> Fetcher::cached(const Source& source) {
  std::string sha256 = source.sha256;
  std::string version = version_of(source);
  if (source.kind == SourceKind::debian_package) {
    const auto record = read_record(record_of(source));
    if (!record || !version_fits(source, record->version)) return std::nullopt;
    sha256 = record->sha256;
    version = record->version;
  }
  CG_TRY(path, store_.find(sha256, source_file_name(source), progress_));
  if (!path) return std::nullopt;
  return Fetched{*path, sha256, version, "cache"};
}

Result<std::optional<Fetched>> Fetcher::cached() {
  for (const auto& source : list_.sources) {
    CG_TRY(found, cached(source));
    if (found) return found;
  }
  return std::nullopt;
}

// Called with the lock of `sha256` held.
Result<fs::path> Fetcher::download_verified(const std::string& url, const std::string& sha256,
                                            const std::string& name, const std::string& proxy) {
  const fs::path part = store_.part(sha256, name);
  CG_CHECK(make_directories(part.parent_path()));
  const DownloadOptions options{.connect_seconds = options_.connect_seconds, .proxy = proxy};
  for (;;) {
    progress_.begin(url);
    CG_TRY(got, download(url, part, options, progress_));
    CG_TRY(found, sha256_file(part));
    std::error_code ignored;
    progress_.end(fs::file_size(part, ignored));
    if (found == sha256) return store_.adopt(part, sha256, name);
    const fs::path aside = store_.set_aside(part);
    // The earlier part may have been of other bytes: only a download in one piece convicts the server.
    if (got.resumed) {
      progress_.line(name + ": wrong SHA-256 after a resumed download; fetching it whole");
      continue;
    }
    return refused(fmt::format("its SHA-256 is {}, not {} (kept as {})", found, sha256, aside.string()));
  }
}

Result<Fetched> Fetcher::pinned(const Source& source, const std::string& url, const std::string& origin,
                                const std::string& proxy) {
  CG_TRY(lock, store_.lock(source.sha256, progress_));
  CG_TRY(already, cached(source));  // another process may have been first
  if (already) return *already;
  CG_TRY(path, download_verified(url, source.sha256, source_file_name(source), proxy));
  return Fetched{path, source.sha256, version_of(source), origin};
}

Result<Fetched> Fetcher::debian_source(const Source& source) {
  CG_TRY(mirrors, apt_mirrors(options_.apt_get));
  const std::string proxy = apt_proxy();
  std::string failures;
  bool wrong = false;
  for (const auto& mirror : mirrors) {
    const std::string url = mirror + pool_path(source.package, source.file);
    auto fetched = pinned(source, url, describe(source), proxy);
    if (fetched) return fetched;
    wrong = wrong || fetched.error().kind == ErrorKind::refused;
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", url, fetched.error().message);
  }
  return std::unexpected(Error{wrong ? ErrorKind::refused : ErrorKind::cannot, failures});
}

Result<AptPackage> fitting(const Source& source, AptPackage package) {
  if (version_fits(source, package.upstream_version)) return package;
  return cannot(fmt::format("apt has version {}, the recipe wants {}", package.upstream_version,
                            source.version_pattern));
}

Result<Apt> Fetcher::apt_for(const Source& source) {
  if (source.suite.empty()) return Apt{options_.apt_get, {}};
  return apt_of_suite(options_.apt_get, source.suite, store_.directory() / ("apt-" + source.suite),
                      progress_);
}

Result<AptPackage> Fetcher::candidate(const Apt& apt, const Source& source) const {
  CG_TRY(found, apt_packages(apt, {source.package}));
  return fitting(source, std::move(found.front()));
}

// By our own downloader, which shows progress and resumes; apt's own methods and proxies are the second try.
Result<fs::path> Fetcher::download_package(const Apt& apt, const Source& source, const AptPackage& package) {
  std::string first = "apt names no SHA-256 for it";
  if (!package.sha256.empty()) {
    CG_TRY(already, store_.find(package.sha256, package.file, progress_));
    if (already) return *already;
    auto path = download_verified(package.uri, package.sha256, package.file, apt_proxy());
    if (path || path.error().kind == ErrorKind::refused) return path;
    first = path.error().message;
  }
  const fs::path directory = store_.directory() / "apt";
  CG_CHECK(make_directories(directory));
  progress_.begin("apt-get download " + source.package);
  ProcessOptions process{.directory = directory};
  if (!apt.configuration.empty()) process.set_variables["APT_CONFIG"] = apt.configuration.string();
  CG_TRY(result, run({apt.program, "-q", "download", source.package}, process));
  if (result.status != 0)
    return cannot(fmt::format("{}; apt-get download: {}", first, trim(last_lines(result.err, 1))));
  const fs::path path = directory / package.file;
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return cannot(fmt::format("{}; apt-get download left no {}", first, path.string()));
  progress_.end(size);
  return path;
}

Result<Fetched> Fetcher::debian_package(const Source& source) {
  CG_TRY(lock, store_.lock("package-" + source.package, progress_));
  CG_TRY(already, cached(source));
  if (already) return *already;
  CG_TRY(apt, apt_for(source));
  CG_TRY(package, candidate(apt, source));
  std::error_code ignored;
  CG_TRY(deb, download_package(apt, source, package));
  progress_.line(fmt::format("taking {} out of {}", source.unpacked, package.file));
  const std::string name = source_file_name(source);
  const fs::path unpacked = store_.directory() / (".unpacked-" + source.package);
  CG_TRY(sha256, extract_from_deb(deb, source.unpacked, unpacked));
  CG_TRY(path, store_.adopt(unpacked, sha256, name));
  CG_CHECK(make_directories(record_of(source).parent_path()));
  CG_CHECK(write_file_atomically(
      record_of(source),
      fmt::format("# What was taken out of the package; remove this file to ask apt again.\n"
                  "version = \"{}\"\npackage_version = \"{}\"\nsha256 = \"{}\"\n",
                  package.upstream_version, package.version, sha256)));
  // The package itself is as large again, and what was wanted of it is in the store now.
  fs::remove(deb, ignored);
  fs::remove(deb.string() + ".verified", ignored);
  fs::remove(deb.parent_path(), ignored);
  return Fetched{path, sha256, package.upstream_version,
                 fmt::format("{} {}", describe(source), package.version)};
}

Result<std::vector<FetchedPackage>> Fetcher::packages() {
  std::map<std::string, std::vector<std::string>> suites;
  for (const auto& source : list_.sources) suites[source.suite].push_back(source.package);
  std::map<std::string, AptPackage> candidates;
  std::map<std::string, Apt> apts;
  for (const auto& [suite, names] : suites) {
    CG_TRY(apt, apt_for({.kind = SourceKind::debian_package, .suite = suite}));
    CG_TRY(found, apt_packages(apt, names));
    for (std::size_t i = 0; i < names.size(); ++i) candidates[names[i]] = found[i];
    apts[suite] = apt;
  }
  std::vector<FetchedPackage> all;
  for (const auto& source : list_.sources) {
    CG_TRY(lock, store_.lock("package-" + source.package, progress_));
    CG_TRY(package, fitting(source, candidates[source.package]));
    CG_TRY(downloaded, download_package(apts[source.suite], source, package));
    CG_TRY(sha256, sha256_file(downloaded));
    fs::path path = downloaded;
    if (downloaded != store_.place(sha256, package.file)) {  // apt's own download lies elsewhere
      CG_TRY(adopted, store_.adopt(downloaded, sha256, package.file));
      path = std::move(adopted);
    }
    all.push_back({path, source.package, source.suite, package.version, sha256});
  }
  return all;
}

Result<std::string> Fetcher::dependency(const Source& source, const std::string& beginning) {
  CG_TRY(apt, apt_for(source));
  return apt_dependency(apt, source.package, beginning);
}

Result<Fetched> Fetcher::network(const Source& source) {
  switch (source.kind) {
    case SourceKind::url:
      return pinned(source, source.url, source.url, "");
    case SourceKind::debian_source:
      return debian_source(source);
    case SourceKind::debian_package:
      return debian_package(source);
  }
  return cannot("unknown kind of source");
}

std::string by_hand(const SourceList& list, const SourceStore& store) {
  for (const auto& source : list.sources)
    if (!source.sha256.empty())
      return fmt::format("\n--source FILE, or a file put at {}, is as good if its SHA-256 is\n  {}",
                         (store.directory() / source_file_name(source)).string(), source.sha256);
  return "";
}

Result<Fetched> Fetcher::network() {
  if (options_.offline)
    return cannot(fmt::format("{} {}: not in the cache, and offline{}", list_.name, list_.version,
                              by_hand(list_, store_)));
  std::string failures;
  bool wrong = false;
  for (std::size_t i = 0; i < list_.sources.size(); ++i) {
    auto fetched = network(list_.sources[i]);
    if (fetched) return fetched;
    const std::string failure = fmt::format("{}: {}", describe(list_.sources[i]), fetched.error().message);
    wrong = wrong || fetched.error().kind == ErrorKind::refused;
    failures += "\n  " + failure;
    if (i + 1 < list_.sources.size()) progress_.line(failure + "; trying the next source");
  }
  return std::unexpected(Error{wrong ? ErrorKind::refused : ErrorKind::cannot,
                               fmt::format("{} {}: no source could be had:{}{}", list_.name, list_.version,
                                           failures, by_hand(list_, store_))});
}

}  // namespace

Result<Fetched> find_in_cache(const SourceList& list, const FetchOptions& options) {
  Fetcher fetcher(list, options);
  CG_TRY(found, fetcher.cached());
  if (found) return *found;
  return cannot(fmt::format("{} {}: not in the cache", list.name, list.version));
}

Result<std::vector<FetchedPackage>> fetch_packages(const std::vector<Source>& sources,
                                                   const FetchOptions& options) {
  if (options.offline) return cannot("a distribution's packages are wanted, and offline");
  const SourceList list{.name = "packages", .version = "", .sources = sources};
  return Fetcher(list, options).packages();
}

Result<FetchedPackage> fetch_dependency(const Source& source, const std::string& beginning,
                                        const FetchOptions& options) {
  if (options.offline) return cannot(source.package + ": a distribution's package is wanted, and offline");
  const SourceList list{.name = "packages", .version = "", .sources = {source}};
  CG_TRY(name, Fetcher(list, options).dependency(source, beginning));
  Source real = source;
  real.package = std::move(name);
  CG_TRY(all, fetch_packages({real}, options));
  return std::move(all.front());
}

Result<Fetched> fetch(const SourceList& list, const FetchOptions& options) {
  Fetcher fetcher(list, options);
  if (!options.local.empty()) return fetcher.local();
  CG_TRY(found, fetcher.cached());
  if (found) return *found;
  return fetcher.network();
}

}  // namespace cg
