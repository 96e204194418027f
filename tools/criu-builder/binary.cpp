#include "binary.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "programs/loader.h"
#include "programs/root_tree.h"
#include "source/debian.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema = "criu-guest.criu-binary/1";

// "$0" has a directory unless the shell found the script on PATH, where a criu in pieces has no business.
constexpr std::string_view script = R"(#!/bin/sh
# CRIU {0}, the binary of a distribution: {1}
here=${{0%/*}}/criu-{0}.d
exec "$here/{2}" --library-path "$here" "$here/criu" "$@"
)";

CriuBinary names_in(const fs::path& directory, const std::string& version) {
  return {.script = directory / ("criu-" + version),
          .directory = directory / ("criu-" + version + ".d"),
          .manifest = directory / ("criu-" + version + ".json"),
          .sha256 = {}};
}

// Of what the recipe says; the bytes are apt's to vouch for, and the manifest's to name.
fs::path place(const CriuRecipe& recipe, const fs::path& cache) {
  Sha256 hash;
  hash.update(recipe.source.version + "\n" + recipe.binary->program + "\n");
  for (const auto& package : recipe.binary->packages)
    hash.update(package.package + " " + package.suite + " " + package.version_pattern + "\n");
  return cache / "criu" / fmt::format("{}-binary-{}", recipe.source.version, hash.hex().substr(0, 16));
}

// One tree of all packages, as a merged /usr has it: the directories of old are links.
Result<void> lay_out(const std::vector<FetchedPackage>& packages, const fs::path& work,
                     const fs::path& root) {
  std::error_code error;
  for (const auto& package : packages) {
    const fs::path own = work / package.package;
    CG_CHECK(unpack_deb(package.path, own));
    fs::copy(own, root,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks | fs::copy_options::skip_existing,
             error);
    if (error) return cannot(fmt::format("laying out {}: {}", package.package, error.message()));
  }
  for (const char* name : {"lib", "lib64", "bin", "sbin"})
    if (!fs::exists(root / name, error))
      fs::create_directory_symlink(fs::path("usr") / name, root / name, error);
  return {};
}

// Every file that the loader would map, under the name by which it is asked for.
Result<std::map<std::string, fs::path>> files_of(const CriuRecipe& recipe, const HostTree& tree) {
  Loader loader(tree);
  CG_TRY(closure, loader.closure("/" + recipe.binary->program));
  if (!closure.good())
    return refused(fmt::format("{}: the packages do not hold what it needs: {} {}", recipe.file.string(),
                               closure.objects[closure.problems[0].object].path,
                               closure.problems[0].message));
  std::map<std::string, fs::path> files;
  for (const auto& object : closure.objects) {
    const bool is_program = &object == &closure.objects.front();
    const std::string name = is_program                   ? "criu"
                             : object.elf->soname.empty() ? fs::path(object.path).filename().string()
                                                          : object.elf->soname;
    files[name] = tree.host_path(object.path);
  }
  const std::string& interpreter = closure.objects.front().elf->interp;
  if (interpreter.empty()) return refused(recipe.binary->program + " asks for no loader");
  CG_TRY(found, resolve(tree, interpreter));
  files[fs::path(interpreter).filename().string()] = tree.host_path(found.path);
  return files;
}

Result<void> check_version(const fs::path& program, const std::string& version) {
  CG_TRY(said, run({program.string(), "--version"}, {.timeout = std::chrono::seconds(20)}));
  for (const auto line : split_lines(said.out))
    if (trim(line) == "Version: " + version && said.status == 0) return {};
  return refused(fmt::format("{} --version: exit status {}, \"{}\"; version {} was expected",
                             program.string(), said.status, trim((said.out + said.err).substr(0, 200)),
                             version));
}

Json manifest_of(const CriuRecipe& recipe, const std::vector<FetchedPackage>& packages, const Json& files) {
  Json list = Json::array();
  for (const auto& package : packages)
    list.push_back({{"package", package.package},
                    {"suite", package.suite},
                    {"version", package.version},
                    {"sha256", package.sha256}});
  return {{"schema", schema},
          {"version", recipe.source.version},
          {"built_by", "Debian: this is the distribution's binary, nothing of it was compiled here"},
          {"packages", list},
          {"files", files}};
}

}  // namespace

std::optional<CriuBinary> find_binary(const CriuRecipe& recipe, const fs::path& cache) {
  CriuBinary found = names_in(place(recipe, cache), recipe.source.version);
  const auto text = read_file(found.manifest);
  if (!text) return std::nullopt;
  const Json manifest = Json::parse(*text, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("files")) return std::nullopt;
  for (const auto& [name, sum] : manifest["files"].items())
    if (sha256_file(found.manifest.parent_path() / name).value_or("") != sum) return std::nullopt;
  found.sha256 = sha256_file(found.manifest).value_or("");
  return found;
}

Result<CriuBinary> make_binary(const CriuRecipe& recipe, const FetchOptions& options) {
  const fs::path top = place(recipe, options.cache);
  CG_CHECK(make_directories(top.parent_path()));
  CG_TRY(lock, FileLock::acquire(top.string() + ".lock", [&](const std::string& line) {
           if (options.progress) *options.progress << line << std::endl;
         }));
  if (auto found = find_binary(recipe, options.cache)) return *found;
  auto packages = fetch_packages(recipe.binary->packages, options);
  if (!packages && packages.error().kind == ErrorKind::cannot)
    return cannot(
        fmt::format("CRIU {}: no source could be had: {}", recipe.source.version, packages.error().message));
  if (!packages) return std::unexpected(packages.error());
  std::error_code error;
  fs::remove_all(top, error);  // what an interrupted run left
  const fs::path work = top / "work";
  const HostTree tree(work / "root");
  CG_CHECK(make_directories(work / "root"));
  CG_CHECK(lay_out(*packages, work, work / "root"));
  CG_TRY(files, files_of(recipe, tree));
  CriuBinary made = names_in(top, recipe.source.version);
  CG_CHECK(make_directories(made.directory));
  Json sums = Json::object();
  std::string loader;
  for (const auto& [name, from] : files) {
    CG_CHECK(copy_file_atomically(from, made.directory / name, 0755));
    CG_TRY(sum, sha256_file(from));
    sums[made.directory.filename().string() + "/" + name] = sum;
    if (name.starts_with("ld-")) loader = name;
  }
  if (loader.empty()) return refused(recipe.file.string() + ": no loader (ld-…) among the libraries");
  CG_CHECK(
      write_file_atomically(made.script,
                            fmt::format(fmt::runtime(script), recipe.source.version,
                                        packages->front().package + " " + packages->front().version, loader),
                            0755));
  CG_TRY(sum, sha256_file(made.script));
  sums[made.script.filename().string()] = sum;
  CG_CHECK(check_version(made.script, recipe.source.version));
  fs::remove_all(work, error);
  CG_CHECK(write_file_atomically(made.manifest, manifest_of(recipe, *packages, sums).dump(2) + "\n"));
  CG_TRY(whole, sha256_file(made.manifest));
  made.sha256 = std::move(whole);
  return made;
}

Result<CriuBinary> deliver_binary(const CriuBinary& made, const fs::path& destination) {
  CriuBinary out{.script = destination / made.script.filename(),
                 .directory = destination / made.directory.filename(),
                 .manifest = destination / made.manifest.filename(),
                 .sha256 = made.sha256};
  CG_CHECK(make_directories(out.directory));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(made.directory, error))
    CG_CHECK(copy_file_atomically(entry.path(), out.directory / entry.path().filename(), 0755));
  if (error) return cannot(made.directory.string() + ": " + error.message());
  CG_CHECK(copy_file_atomically(made.script, out.script, 0755));
  CG_CHECK(copy_file_atomically(made.manifest, out.manifest, 0644));
  return out;
}

}  // namespace cg
