#include "criu_builder_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>
#include <thread>

#include "base/cli/cli.h"
#include "base/cli/describe.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "binary.h"
#include "build.h"
#include "criu/versions.h"
#include "plan.h"
#include "recipe.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct Options {
  std::string version;
  std::string recipes;
  std::string destination = "out";
  std::string source;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool dry_run = false;
  bool offline = false;
};

class Builder {
 public:
  Builder(const Options& options, const CommonOptions& common, Environment& env)
      : options_(options), common_(common), env_(env) {}

  Result<void> list();
  Result<void> resolve();
  Result<void> fetch_source();
  Result<void> build();

 private:
  Result<CriuRecipe> chosen_recipe();
  FetchOptions fetch_options() const;
  Result<std::optional<std::pair<CriuPlan, CriuResult>>> already_built(const CriuRecipe& recipe,
                                                                       const Host& host);
  Result<void> build_binary(const CriuRecipe& recipe);
  Result<void> deliver(const CriuPlan& plan, const CriuResult& result, const std::string& how);
  fs::path cache() const { return fs::absolute(cache_directory(env_, common_.cache)); }
  void print(const nlohmann::ordered_json& document) { env_.out << document.dump(2) << "\n"; }
  void say(const std::string& line) {
    if (!common_.quiet) env_.err << line << std::endl;
  }

  const Options& options_;
  const CommonOptions& common_;
  Environment& env_;
};

FetchOptions Builder::fetch_options() const {
  return {.cache = cache(),
          .local = options_.source,
          .progress = common_.quiet ? nullptr : &env_.err,
          .terminal = env_.err_is_terminal,
          .offline = options_.offline};
}

Result<CriuRecipe> Builder::chosen_recipe() {
  CG_TRY(directory, recipe_directory(env_, options_.recipes));
  CG_TRY(versions, recipe_versions(directory));
  CG_TRY(version, choose_version(options_.version, versions));
  if (version != options_.version)
    say(fmt::format("CRIU {}: version {} chosen", options_.version.empty() ? "default" : options_.version,
                    version));
  return load_recipe(directory / (version + ".toml"));
}

std::string source_names(const SourceList& list) {
  std::string text;
  for (const auto& source : list.sources) {
    text += text.empty() ? "" : ", ";
    text += source.kind == SourceKind::url ? "upstream" : "Debian";
  }
  return text;
}

Result<void> Builder::resolve() {
  CG_TRY(directory, recipe_directory(env_, options_.recipes));
  CG_TRY(versions, recipe_versions(directory));
  CG_TRY(version, choose_version(options_.version, versions));
  if (common_.format == "json")
    print({{"schema", "criu-guest.criu-version/1"}, {"version", version}});
  else
    env_.out << version << "\n";
  return {};
}

Result<void> Builder::list() {
  CG_TRY(directory, recipe_directory(env_, options_.recipes));
  CG_TRY(versions, recipe_versions(directory));
  FetchOptions quiet = fetch_options();
  quiet.progress = nullptr;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  std::string text =
      fmt::format("{:<8} {:<8} {:<17} {:<7} {}\n", "VERSION", "DEFAULT", "SOURCES", "CACHED", "BUILT");
  for (const auto& version : versions) {
    CG_TRY(recipe, load_recipe(directory / (version + ".toml")));
    const auto binary = recipe.binary ? find_binary(recipe, cache()) : std::nullopt;
    const bool is_default = version == criu_versions().preferred.text();
    const bool cached = binary || find_in_cache(recipe.source, quiet).has_value();
    std::string built = binary ? binary->script.string() : "";
    // A machine without a compiler can still list.
    if (const auto host = inspect_host(recipe.libraries); host && !recipe.binary) {
      CG_TRY(found, already_built(recipe, *host));
      if (found) built = found->second.binary.string();
    }
    nlohmann::ordered_json sources = nlohmann::ordered_json::array();
    for (const auto& source : recipe.source.sources) {
      if (source.kind == SourceKind::url)
        sources.push_back({{"url", source.url}, {"sha256", source.sha256}});
      else
        sources.push_back({{"package", source.package}, {"file", source.file}, {"sha256", source.sha256}});
    }
    if (recipe.binary)
      for (const auto& package : recipe.binary->packages)
        sources.push_back({{"package", package.package}, {"suite", package.suite}});
    rows.push_back({{"version", version},
                    {"default", is_default},
                    {"sources", sources},
                    {"cached", cached},
                    {"built", built}});
    text += fmt::format("{:<8} {:<8} {:<17} {:<7} {}\n", version, is_default ? "yes" : "",
                        recipe.binary ? "Debian (binary)" : source_names(recipe.source),
                        cached ? "yes" : "no", built.empty() ? "no" : "yes");
  }
  if (common_.format == "json")
    text =
        nlohmann::ordered_json{{"schema", "criu-guest.criu-versions/1"}, {"versions", rows}}.dump(2) + "\n";
  env_.out << text;
  return {};
}

Result<void> Builder::fetch_source() {
  CG_TRY(recipe, chosen_recipe());
  if (recipe.binary)
    return refused(recipe.file.string() + ": there is no source of this version to be had, only a binary");
  CG_TRY(fetched, fetch(recipe.source, fetch_options()));
  if (common_.format == "json")
    print({{"schema", "criu-guest.criu-source/1"},
           {"version", recipe.source.version},
           {"path", fetched.path.string()},
           {"sha256", fetched.sha256},
           {"origin", fetched.origin}});
  else
    env_.out << fetched.path.string() << "\n";
  return {};
}

// Looked up by the hash of every source, so that the tarball need not be there any more.
Result<std::optional<std::pair<CriuPlan, CriuResult>>> Builder::already_built(const CriuRecipe& recipe,
                                                                              const Host& host) {
  for (const auto& source : recipe.source.sources) {
    CG_TRY(plan, make_plan(recipe, host, source.sha256, cache(), options_.jobs));
    if (auto result = find_built(plan)) return std::pair(std::move(plan), std::move(*result));
  }
  return std::nullopt;
}

// A version of which there is only a distribution's binary.
Result<void> Builder::build_binary(const CriuRecipe& recipe) {
  if (!options_.source.empty())
    return usage_error(recipe.file.string() + ": takes a distribution's packages, no --source");
  if (options_.dry_run) {
    std::string text =
        fmt::format("CRIU {}: the distribution's own binary, nothing is compiled\n", recipe.source.version);
    for (const auto& package : recipe.binary->packages)
      text += fmt::format("  {} of {}\n", package.package, package.suite);
    text += fmt::format(
        "unpack, take {} with the libraries that it asks for\ncheck: --version says {}\ncopy to {}\n",
        recipe.binary->program, recipe.source.version, options_.destination);
    if (common_.format == "json")
      print({{"schema", "criu-guest.criu-plan/1"},
             {"version", recipe.source.version},
             {"steps", split_lines(text)}});
    else
      env_.out << text;
    return {};
  }
  auto made = find_binary(recipe, cache());
  const std::string how = made ? "from the cache" : "put together from the distribution's packages";
  if (!made) {
    CG_TRY(fresh, make_binary(recipe, fetch_options()));
    made = std::move(fresh);
  }
  CG_TRY(out, deliver_binary(*made, options_.destination));
  if (common_.format == "json") {
    CG_TRY(manifest, read_file(out.manifest));
    env_.out << manifest;
    return {};
  }
  env_.out << fmt::format(
      "CRIU {} (a distribution's binary with its libraries, for the lab): {}\n  {}\n  {}\n  {}\n",
      recipe.source.version, how, out.script.string(), out.directory.string(), out.manifest.string());
  return {};
}

Result<void> Builder::build() {
  CG_TRY(recipe, chosen_recipe());
  if (recipe.binary) return build_binary(recipe);
  if (recipe.source.sources.front().sha256.empty())
    return refused(recipe.file.string() +
                   ": CRIU's sources are pinned by SHA-256; kind \"debian_package\" is not");
  CG_TRY(host, inspect_host(recipe.libraries));
  if (options_.dry_run) {
    CG_TRY(plan, make_plan(recipe, host, recipe.source.sources.front().sha256, cache(), options_.jobs));
    const std::string text = plan_text(plan, options_.destination);
    if (common_.format == "json")
      print(
          {{"schema", "criu-guest.criu-plan/1"}, {"version", plan.version()}, {"steps", split_lines(text)}});
    else
      env_.out << text;
    return {};
  }
  if (options_.source.empty()) {
    CG_TRY(found, already_built(recipe, host));
    if (found) return deliver(found->first, found->second, "from the cache");
  }
  // Before the minutes that a build takes: can the result be put where it is wanted?
  CG_CHECK(make_directories(options_.destination));
  CG_TRY(fetched, fetch(recipe.source, fetch_options()));
  CG_TRY(plan, make_plan(recipe, host, fetched.sha256, cache(), options_.jobs));
  if (const auto found = find_built(plan)) return deliver(plan, *found, "from the cache");
  CG_TRY(result, build_criu(plan, fetched.path,
                            {.messages = common_.quiet ? nullptr : &env_.err,
                             .terminal = env_.err_is_terminal,
                             .compiler_output = common_.verbose > 0}));
  return deliver(plan, result, "built in " + human_seconds(result.seconds));
}

Result<void> put(const fs::path& from, const fs::path& to, const std::string& sha256, unsigned mode) {
  std::error_code error;
  if (fs::is_regular_file(to, error) &&
      (static_cast<unsigned>(fs::status(to, error).permissions()) & 07777U) == mode &&
      sha256_file(to).value_or("") == sha256)
    return {};  // its time stays, so that what depends on it need not be made again
  return copy_file_atomically(from, to, mode);
}

Result<void> Builder::deliver(const CriuPlan& plan, const CriuResult& result, const std::string& how) {
  const fs::path destination = options_.destination;
  CG_CHECK(make_directories(destination));
  const fs::path binary = destination / plan.binary_name();
  const fs::path debug = destination / plan.debug_name();
  CG_CHECK(put(result.debug, debug, result.debug_sha256, 0644));
  CG_CHECK(put(result.binary, binary, result.sha256, 0755));
  if (common_.format == "json") {
    print({{"schema", "criu-guest.criu-build/1"},
           {"version", plan.version()},
           {"path", binary.string()},
           {"debug", debug.string()},
           {"size", result.size},
           {"sha256", result.sha256},
           {"build_id", result.build_id},
           {"machine", result.machine},
           {"source_sha256", plan.source_sha256},
           {"compiler", plan.host.compiler},
           {"how", how},
           {"seconds", result.seconds}});
    return {};
  }
  env_.out << fmt::format("CRIU {} (static, {}): {}\n  {}  {}\n  {}\n", plan.version(), result.machine, how,
                          binary.string(), human_size(result.size), debug.string());
  return {};
}

}  // namespace

int criu_builder_main(const Args& args, Environment& env) {
  CommonOptions common;
  Options options;
  const auto run = [&options](Result<void> (Builder::*work)()) {
    return [&options, work](Context& context) -> Result<int> {
      Builder builder(options, context.options, context.env);
      CG_CHECK((builder.*work)());
      return exit_good;
    };
  };
  const Option version{"VERSION",
                       &options.version,
                       "3.19, 3.17 (newest 3.17.x), 4 or default",
                       {.required = true, .known = known_recipes("criu", {"default"})}};
  const Option source{"--source FILE", &options.source, "A local source tarball with the recipe's SHA-256"};
  Tool tool;
  tool.name = "criu-builder";
  tool.help = "Builds one static CRIU binary from a recipe.";
  tool.common = &common;
  tool.options = {{"--recipes DIR", &options.recipes,
                   "The directory with the recipes (default: recipes/criu of this project)"},
                  {"--offline", &options.offline, "Use no network"}};
  tool.files = {{"recipes/criu/VERSION.toml", "where the source is, and its SHA-256"},
                {"recipes/criu-versions.toml", "which versions there are, and the default"}};
  tool.variables = {data_variable()};
  tool.commands = {
      {.name = "list",
       .help = "The versions that have a recipe",
       .examples = {{"criu-builder list --format json", "for scripts"}},
       .run = run(&Builder::list)},
      {.name = "resolve",
       .help = "Print which version is meant, for scripts",
       .options = {version},
       .examples = {{"criu-builder resolve 3.17", "3.17.1"}},
       .run = run(&Builder::resolve)},
      {.name = "fetch",
       .help = "Have the source in the cache and print where",
       .options = {version, source},
       .examples = {{"criu-builder fetch 3.19 --source criu-3.19.tar.gz",
                     "puts a tarball that you have into the cache"}},
       .run = run(&Builder::fetch_source)},
      {.name = "build",
       .help = "Build it, or take it from the cache",
       .options = {version,
                   source,
                   {"-o,--output DIR",
                    &options.destination,
                    "The directory for the results",
                    {.is_no_stream = true}},
                   {"-j,--jobs",
                    &options.jobs,
                    "Parallel jobs",
                    {.range = {{1, 1024}}, .default_text = "one a processor"}},
                   {"--dry-run", &options.dry_run, "Print the plan and stop"}},
       .examples = {{"criu-builder build default", "out/criu-VERSION and its debug symbols beside it"},
                    {"criu-builder build 4.2.1 -o out --offline", "from what the cache has, or not at all"}},
       .run = run(&Builder::build)}};
  return run_commands(tool, args, env);
}

}  // namespace cg
