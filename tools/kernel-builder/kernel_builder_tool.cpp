#include "kernel_builder_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <thread>

#include "base/cli/cli.h"
#include "base/cli/describe.h"
#include "base/cli/watch.h"
#include "base/data.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "compile.h"
#include "configure.h"
#include "distribution.h"
#include "install.h"
#include "manifest.h"
#include "plan.h"
#include "source/debian.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// Of one command: each has a struct of its own, so that the default of one is not the default of another.
struct Options {
  std::string recipe;
  std::vector<std::string> fragments;
  std::string architecture = host_architecture();
  std::string source;
  std::string sha256;
  std::string base;
  std::string destination;  // config: a file, or empty for standard output; else a directory
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool dry_run = false;
  bool refresh = false;
};

// Of every command.
struct Shared {
  std::string recipes;
  bool offline = false;
};

class Builder {
 public:
  Builder(Options options, const Shared& shared, const CommonOptions& common, Environment& env)
      : options_(std::move(options)), shared_(shared), common_(common), env_(env) {}

  Result<void> config();
  Result<void> build();
  Result<void> digest();
  Result<void> list();

 private:
  // The recipe's file, and the exact version when one was asked for: 6.12.47 is the recipe 6.12, that source
  // only.
  Result<std::pair<fs::path, std::string>> choose_recipe();
  Result<KernelPlan> plan();
  void tell_changes(const BaseChanges& changes);
  Result<void> prepare(const KernelPlan& plan);  // source, tree, .config, gate
  Result<KernelManifest> compile_and_keep(const KernelPlan& plan, const fs::path& kept);
  // Of a recipe that names a distribution's kernel; nullopt for one that is compiled.
  Result<std::optional<DistributionPlan>> distribution();
  Result<FileLock> lock_of(const DistributionPlan& plan);
  Result<KernelManifest> kept_distribution(const DistributionPlan& plan);
  Result<void> config_of(const DistributionPlan& plan);
  Result<void> build(const DistributionPlan& plan);
  fs::path kept(const std::string& digest) const { return cache_ / "kernels" / digest.substr(0, 32); }
  FetchOptions fetch_options();
  void print_plan(const KernelPlan& plan, std::vector<std::string> last_steps);
  void print_plan(const DistributionPlan& plan, std::vector<std::string> last_steps);
  void report(const KernelManifest& manifest, const fs::path& where, std::string_view how);
  void say(const std::string& line) {
    if (!common_.quiet) env_.err << line << std::endl;
  }
  std::ostream* progress() { return common_.quiet ? nullptr : &env_.err; }
  std::string epoch() { return env_.variable("SOURCE_DATE_EPOCH").value_or("1735689600"); }

  const Options options_;
  const Shared& shared_;
  const CommonOptions& common_;
  Environment& env_;
  fs::path cache_;
  std::string compiler_;
  Fetched source_;
  KernelMake make_;
  KernelConfig resolved_;
};

Result<std::pair<fs::path, std::string>> Builder::choose_recipe() {
  const std::string& name = options_.recipe;
  const auto dot = name.rfind('.');
  CG_TRY(names, recipe_names(env_, "kernel", shared_.recipes));
  const bool known = std::find(names.begin(), names.end(), name) != names.end();
  if (!known && dot != std::string::npos &&
      std::find(names.begin(), names.end(), name.substr(0, dot)) != names.end()) {
    CG_TRY(path, find_recipe(env_, "kernel", name.substr(0, dot), shared_.recipes));
    return std::pair(path, name);
  }
  CG_TRY(path, find_recipe(env_, "kernel", name, shared_.recipes));
  return std::pair(path, std::string());
}

Result<KernelPlan> Builder::plan() {
  cache_ = fs::absolute(cache_directory(env_, common_.cache));
  CG_TRY(data, data_directory(env_));
  CG_TRY(recipe, choose_recipe());
  PlanInputs inputs{.recipe = recipe.first,
                    .version = recipe.second,
                    .kconfig = data / "kconfig",
                    .architecture = options_.architecture,
                    .base = options_.base,
                    .sha256 = options_.sha256};
  if (!recipe.second.empty())
    say(fmt::format("recipe {}, and of its sources only those of Linux {}", recipe.first.stem().string(),
                    recipe.second));
  for (const auto& fragment : options_.fragments) inputs.extra_fragments.emplace_back(fragment);
  CG_TRY(architecture, find_architecture(options_.architecture));
  CG_TRY(compiler, run_checked({cross_prefix(architecture) + "gcc", "--version"}));
  compiler_ = split_lines(compiler).front();
  inputs.compiler = compiler_;
  if (!options_.source.empty()) {
    CG_TRY(hash, sha256_file(options_.source));
    inputs.local_source_sha256 = hash;
  }
  return make_plan(inputs);
}

FetchOptions Builder::fetch_options() {
  return {.cache = cache_,
          .local = options_.source,
          .progress = progress(),
          .terminal = env_.err_is_terminal,
          .offline = shared_.offline};
}

Result<void> Builder::prepare(const KernelPlan& plan) {
  CG_TRY(fetched, fetch(plan.recipe.sources, fetch_options()));
  source_ = std::move(fetched);
  const fs::path tree = cache_ / "kernel" / source_.sha256.substr(0, 16);
  if (!fs::is_directory(tree)) {
    say("unpacking " + source_.path.filename().string());
    const Watch watch("unpacking " + source_.path.filename().string(), progress(), env_.err_is_terminal);
    CG_CHECK(unpack(source_.path, tree, 1));
  }
  if (!fs::is_regular_file(tree / "Kconfig") || !fs::is_directory(tree / "scripts" / "kconfig"))
    return refused(source_.path.string() +
                   ": not a Linux source tree (no Kconfig and scripts/kconfig in it)");
  std::optional<Watch> watch(std::in_place, "resolving the configuration", progress(), env_.err_is_terminal);
  make_ = KernelMake{tree, plan.architecture.kernel, cross_prefix(plan.architecture), cache_, epoch()};
  CG_TRY(resolved,
         resolve(make_, plan.request, plan.base ? &*plan.base : nullptr, tree / "criu-guest-config.log"));
  resolved_ = std::move(resolved);
  watch.reset();
  if (const auto& wanted = plan.version; !wanted.empty() && resolved_.version != wanted)
    return refused(fmt::format("{}: this is Linux {}, and {} was asked for", source_.path.string(),
                               resolved_.version, wanted));
  if (!unmet_requests(plan.request, resolved_).empty()) {
    CG_TRY(definitions, kconfig::load_tree(tree, {plan.architecture.kernel}));
    return gate(plan.request, resolved_, &definitions);
  }
  say(fmt::format("Linux {}: all {} requested symbols have their value", resolved_.version,
                  plan.request.values.size()));
  if (plan.base) tell_changes(changes_of(*plan.base, plan.request, resolved_));
  return {};
}

void Builder::tell_changes(const BaseChanges& changes) {
  say(fmt::format("over {}: {} symbols changed as asked, {} more follow from that or from this version{}",
                  options_.base, changes.requested.size(), changes.following.size(),
                  common_.verbose || changes.following.empty() ? "" : " (-v lists them)"));
  for (const auto& line : changes.requested) say("  " + line);
  if (common_.verbose)
    for (const auto& line : changes.following) say("    " + line);
}

Result<void> Builder::config() {
  CG_TRY(binary, distribution());
  if (binary) return config_of(*binary);
  CG_TRY(plan, this->plan());
  if (options_.dry_run) {
    const bool prints = options_.destination.empty() || options_.destination == "-";
    print_plan(plan, {prints ? "print the configuration" : "write " + options_.destination});
    return {};
  }
  CG_TRY(lock, FileLock::acquire(cache_ / "kernel" / "lock", [&](const std::string& line) { say(line); }));
  CG_CHECK(prepare(plan));
  CG_TRY(text, read_file(make_.tree / ".config"));
  return write_output(text, options_.destination, env_);
}

Result<KernelManifest> Builder::compile_and_keep(const KernelPlan& plan, const fs::path& kept) {
  remove_when_interrupted(kept);  // the build tree stays: the next build goes on in it
  CG_CHECK(prepare(plan));
  const fs::path log = make_.tree / "criu-guest-build.log";
  say(fmt::format("compiling Linux {} with {} jobs; log: {}", resolved_.version, options_.jobs,
                  log.string()));
  CG_TRY(seconds, compile(make_, {.image_target = plan.architecture.image,
                                  .jobs = options_.jobs,
                                  .log = log,
                                  .progress = common_.quiet ? nullptr : &env_.err,
                                  .terminal = env_.err_is_terminal}));
  KernelManifest manifest{.recipe = plan.recipe.name,
                          .version = resolved_.version,
                          .config_version = plan.config_version,
                          .architecture = plan.architecture.name,
                          .source_sha256 = source_.sha256,
                          .source_origin = source_.origin,
                          .compiler = compiler_,
                          .digest = plan.digest,
                          .seconds = seconds};
  const std::string suffix = fmt::format("-{}-{}", resolved_.version, plan.config_version);
  CG_CHECK(make_directories(kept));
  for (const auto& [name, built] : {std::pair<std::string, fs::path>{"vmlinux", "vmlinux"},
                                    {"vmlinuz", plan.architecture.image_path},
                                    {"config", ".config"}}) {
    CG_CHECK(copy_file_atomically(make_.tree / built, kept / (name + suffix), 0644));
    CG_TRY(file, describe_file(kept / (name + suffix)));
    manifest.files.push_back(std::move(file));
  }
  CG_CHECK(write_manifest(kept / "kernel.json", manifest));
  forget_when_interrupted(kept);
  return manifest;
}

Result<void> Builder::build() {
  CG_TRY(binary, distribution());
  if (binary) return build(*binary);
  CG_TRY(plan, this->plan());
  if (options_.dry_run) {
    print_plan(plan, {"make " + plan.architecture.image + " vmlinux", "install to " + options_.destination});
    return {};
  }
  const fs::path destination = options_.destination;
  if (const auto current = read_manifest(destination / "kernel.json");
      current && is_current(*current, plan.digest, destination)) {
    report(*current, destination, "up to date");
    return {};
  }
  CG_CHECK(make_directories(destination));
  CG_TRY(lock, FileLock::acquire(cache_ / "kernel" / "lock", [&](const std::string& line) { say(line); }));
  const fs::path kept = this->kept(plan.digest);
  auto manifest = read_manifest(kept / "kernel.json");
  std::string how = "from the cache";
  if (!manifest || !is_current(*manifest, plan.digest, kept)) {
    manifest = compile_and_keep(plan, kept);
    if (!manifest) return std::unexpected(manifest.error());
    how = "built in " + human_seconds(manifest->seconds);
  }
  CG_CHECK(install_kernel(*manifest, kept, destination));
  report(*manifest, destination, how);
  return {};
}

Result<std::optional<DistributionPlan>> Builder::distribution() {
  cache_ = fs::absolute(cache_directory(env_, common_.cache));
  CG_TRY(path, choose_recipe());
  CG_TRY(recipe, load_kernel_recipe(path.first));
  if (recipe.packages.empty()) {
    if (options_.refresh)
      return usage_error("--refresh is for a distribution's kernel; recipe " + recipe.name +
                         " has its sources");
    return std::nullopt;
  }
  for (const auto& [given, name] : {std::pair(!options_.fragments.empty(), "--fragments"),
                                    {!options_.base.empty(), "--base"},
                                    {!options_.source.empty(), "--source"},
                                    {!options_.sha256.empty(), "--sha256"}})
    if (given)
      return usage_error(
          fmt::format("{}: recipe {} is a kernel that a distribution has built; nothing of it can be "
                      "changed here",
                      name, recipe.name));
  return plan_distribution(recipe, options_.architecture);
}

// Not the one of the builds: nobody waits a compilation long for a package.
Result<FileLock> Builder::lock_of(const DistributionPlan& plan) {
  return FileLock::acquire(kept(plan.digest).string() + ".lock", [&](const std::string& line) { say(line); });
}

// Called with the lock held.
Result<KernelManifest> Builder::kept_distribution(const DistributionPlan& plan) {
  const fs::path place = kept(plan.digest);
  const auto manifest = read_manifest(place / "kernel.json");
  if (!options_.refresh && manifest && is_current(*manifest, plan.digest, place)) return *manifest;
  return take_distribution(plan, fetch_options(), place);
}

Result<void> Builder::config_of(const DistributionPlan& plan) {
  if (options_.dry_run) {
    print_plan(plan, {options_.destination.empty() || options_.destination == "-"
                          ? "print the configuration"
                          : "write " + options_.destination});
    return {};
  }
  CG_TRY(lock, lock_of(plan));
  CG_TRY(manifest, kept_distribution(plan));
  CG_TRY(text, read_file(kept(plan.digest) / manifest.files.back().name));
  return write_output(text, options_.destination, env_);
}

Result<void> Builder::build(const DistributionPlan& plan) {
  if (options_.dry_run) {
    print_plan(plan, {"take vmlinux out of vmlinuz", "depmod", "install to " + options_.destination});
    return {};
  }
  const fs::path destination = options_.destination;
  const auto current = read_manifest(destination / "kernel.json");
  if (!options_.refresh && current && is_current(*current, plan.digest, destination)) {
    report(*current, destination, "up to date");
    return {};
  }
  CG_CHECK(make_directories(destination));
  CG_TRY(lock, lock_of(plan));
  const auto before = read_manifest(kept(plan.digest) / "kernel.json");
  CG_TRY(manifest, kept_distribution(plan));
  CG_CHECK(install_kernel(manifest, kept(plan.digest), destination));
  const bool cached = before && !options_.refresh;
  report(manifest, destination, cached ? "from the cache" : "taken in " + human_seconds(manifest.seconds));
  return {};
}

Result<void> Builder::digest() {
  CG_TRY(data, data_directory(env_));
  CG_TRY(digest, fragments_digest(data / "kconfig"));
  CG_TRY(version, read_file(data / "kconfig" / "version", 64));
  if (common_.format == "json")
    env_.out << nlohmann::ordered_json{{"schema", "criu-guest.kernel-digest/1"},
                                       {"digest", digest},
                                       {"version", trim(version)}}
                    .dump(2)
             << "\n";
  else
    env_.out << digest << "  " << trim(version) << "\n";
  return {};
}

Result<void> Builder::list() {
  CG_TRY(names, recipe_names(env_, "kernel", shared_.recipes));
  const FetchOptions here{
      .cache = fs::absolute(cache_directory(env_, common_.cache)), .local = {}, .progress = nullptr};
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  std::string text = fmt::format("{:<8} {:<10} {:<17} {}\n", "RECIPE", "VERSION", "SOURCES", "CACHED");
  for (const auto& name : names) {
    CG_TRY(path, find_recipe(env_, "kernel", name, shared_.recipes));
    CG_TRY(recipe, load_kernel_recipe(path));
    std::vector<std::string> kinds;
    for (const auto& source : recipe.sources.sources)
      kinds.emplace_back(source.kind == SourceKind::url ? "upstream" : "Debian");
    bool cached = false;
    std::string version = recipe.sources.version;
    if (recipe.packages.empty()) {
      cached = find_in_cache(recipe.sources, here).has_value();
    } else {
      kinds.emplace_back("Debian (binary)");
      if (const auto plan = plan_distribution(recipe, recipe.packages.front().architecture)) {
        const fs::path place = here.cache / "kernels" / plan->digest.substr(0, 32);
        const auto manifest = read_manifest(place / "kernel.json");
        cached = manifest && is_current(*manifest, plan->digest, place);
        version = cached ? upstream_version(manifest->config_version) : "apt's";
      }
    }
    rows.push_back({{"recipe", name}, {"version", version}, {"sources", kinds}, {"cached", cached}});
    text += fmt::format("{:<8} {:<10} {:<17} {}\n", name, version, join(kinds, ", "), cached ? "yes" : "no");
  }
  if (common_.format == "json")
    text =
        nlohmann::ordered_json{{"schema", "criu-guest.kernel-recipes/1"}, {"recipes", rows}}.dump(2) + "\n";
  env_.out << text;
  return {};
}

void Builder::print_plan(const KernelPlan& plan, std::vector<std::string> last_steps) {
  last_steps.insert(last_steps.begin(), {"fetch", "unpack", "resolve", "gate"});
  std::vector<std::string> fragments;
  for (const auto& fragment : plan.fragments) fragments.push_back(fragment.string());
  if (common_.format == "json") {
    const nlohmann::ordered_json json = {{"schema", "criu-guest.kernel-plan/1"},
                                         {"recipe", plan.recipe.name},
                                         {"architecture", plan.architecture.name},
                                         {"config_version", plan.config_version},
                                         {"fragments", fragments},
                                         {"symbols", plan.request.values.size()},
                                         {"steps", last_steps}};
    env_.out << json.dump(2) << "\n";
    return;
  }
  env_.out << fmt::format("recipe {}, architecture {}, configuration version {}\n", plan.recipe.name,
                          plan.architecture.name, plan.config_version);
  for (const auto& fragment : fragments) env_.out << "fragment " << fragment << "\n";
  env_.out << fmt::format("{} symbols requested; allnoconfig answers the rest\nsteps: {}\n",
                          plan.request.values.size(), join(last_steps, ", "));
}

void Builder::print_plan(const DistributionPlan& plan, std::vector<std::string> last_steps) {
  last_steps.insert(last_steps.begin(),
                    {"ask apt which kernel " + plan.package.package + " stands for", "fetch", "unpack"});
  if (common_.format == "json") {
    const nlohmann::ordered_json json = {{"schema", "criu-guest.kernel-plan/1"},
                                         {"recipe", plan.recipe},
                                         {"architecture", plan.architecture.name},
                                         {"config_version", ""},
                                         {"fragments", nlohmann::json::array()},
                                         {"symbols", 0},
                                         {"steps", last_steps}};
    env_.out << json.dump(2) << "\n";
    return;
  }
  env_.out << fmt::format("recipe {}, architecture {}: the distribution's own kernel, nothing is compiled\n",
                          plan.recipe, plan.architecture.name)
           << fmt::format("steps: {}\n", join(last_steps, ", "));
}

void Builder::report(const KernelManifest& manifest, const fs::path& where, std::string_view how) {
  if (common_.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.kernel-build/1"},
                                   {"version", manifest.version},
                                   {"config_version", manifest.config_version},
                                   {"directory", where.string()},
                                   {"how", how},
                                   {"seconds", manifest.seconds}};
    for (const auto& file : manifest.files) json["files"][file.name] = file.size;
    if (!manifest.built_by.empty()) json["built_by"] = manifest.built_by;
    if (!manifest.modules.empty()) json["modules"] = manifest.modules;
    env_.out << json.dump(2) << "\n";
    return;
  }
  env_.out << (manifest.built_by.empty()
                   ? fmt::format("Linux {} (configuration {}, {}): {}\n", manifest.version,
                                 manifest.config_version, manifest.source_origin, how)
                   : fmt::format("Linux {} (the distribution's binary, {}): {}\n", manifest.version,
                                 manifest.source_origin, how));
  for (const auto& file : manifest.files)
    env_.out << fmt::format("  {}  {}\n", (where / file.name).string(), human_size(file.size));
  if (!manifest.modules.empty()) env_.out << fmt::format("  {}\n", (where / manifest.modules).string());
}

}  // namespace

int kernel_builder_main(const Args& args, Environment& env) {
  CommonOptions common;
  Shared shared;
  const auto command = [&](const char* name, const char* help, const std::shared_ptr<Options>& options,
                           Option output, Result<void> (Builder::*work)(), std::vector<Example> examples) {
    return Command{
        .name = name,
        .help = help,
        .options =
            {{"RECIPE",
              &options->recipe,
              "A name below recipes/kernel/, such as 6.12, or a file",
              {.required = true, .known = known_recipes("kernel")}},
             {"--fragments FILE...", &options->fragments,
              "Fragments laid over the recipe's, the last one wins"},
             {"--arch ARCH",
              &options->architecture,
              "x86_64 or arm64",
              {.known = known_names({"x86_64", "arm64"}), .default_text = "this machine's"}},
             {"--base FILE", &options->base,
              "Your configuration: only what CRIU needs is laid over it, not the recipe's fragments"},
             {"--source FILE", &options->source, "A local source tarball"},
             {"--sha256 HASH", &options->sha256,
              "What vouches for the source in place of the recipe: of --source, or of upstream's tarball "
              "of the version"},
             {"-j,--jobs",
              &options->jobs,
              "Parallel jobs",
              {.range = {{1, 1024}}, .default_text = "one a processor"}},
             {"--dry-run", &options->dry_run, "Print the plan and stop"},
             {"--refresh", &options->refresh, "Of a distribution's kernel: ask apt again"},
             std::move(output)},
        .examples = std::move(examples),
        .run = [options, work, &shared](Context& context) -> Result<int> {
          Builder builder(*options, shared, context.options, context.env);
          CG_CHECK((builder.*work)());
          return exit_good;
        }};
  };
  const auto of_config = std::make_shared<Options>();
  const auto of_build = std::make_shared<Options>(Options{.destination = "out"});
  const auto of_install =
      std::make_shared<Options>(Options{.destination = "/opt/kata/share/kata-containers"});
  Tool tool;
  tool.name = "kernel-builder";
  tool.help = "Turns configuration fragments into a guest kernel whose every requested symbol really stuck.";
  tool.common = &common;
  tool.options = {{"--recipes DIR", &shared.recipes,
                   "The directory with the recipes (default: recipes/kernel of this project)"},
                  {"--offline", &shared.offline, "Use no network"}};
  tool.files = {{"recipes/kernel/RECIPE.toml", "which sources and fragments, or whose package"},
                {"kconfig/fragments/", "what the kernel is, one file per purpose"},
                {"kernel.json", "beside the kernel: what it was made of"}};
  tool.variables = {data_variable(), {"SOURCE_DATE_EPOCH", "The time that the kernel says it was built at"}};
  tool.commands = {
      {.name = "list",
       .help = "The kernels that have a recipe",
       .examples = {{"kernel-builder list --format json", "for scripts"}},
       .run = [&shared](Context& context) -> Result<int> {
         CG_CHECK(Builder({}, shared, context.options, context.env).list());
         return exit_good;
       }},
      command("config", "Resolve the configuration, check it, and print it", of_config,
              {"-o,--output FILE", &of_config->destination, "Where it goes (default: -, standard output)"},
              &Builder::config,
              {{"kernel-builder config 6.12 -o guest.config", "what `build` would compile"}}),
      command("build", "Build the kernel, or take it from the cache", of_build,
              {"-o,--output DIR",
               &of_build->destination,
               "The directory for the results",
               {.is_no_stream = true}},
              &Builder::build,
              {{"kernel-builder build 6.12",
                "out/vmlinux.container, out/vmlinuz.container and the configuration"},
               {"kernel-builder build 6.12 --fragments my.conf -o out",
                "your fragment on top; a symbol that cannot be set stops the build"},
               {"kernel-builder build 6.12 --base firecracker.config",
                "your kernel, made ready for CRIU; what that changes is printed"},
               {"kernel-builder build debian",
                "the distribution's own kernel with its modules, unpacked in seconds"}}),
      command("install", "Build if needed, then put it where Kata looks for it", of_install,
              {"-o,--output,--prefix DIR", &of_install->destination, "The directory", {.is_no_stream = true}},
              &Builder::build, {{"kernel-builder install 6.12", "for the Kata Containers of this machine"}}),
      {.name = "digest",
       .help = "Print the fragments' digest and version, for kconfig/fragments.sha256",
       .examples = {{"kernel-builder digest > kconfig/fragments.sha256", "after a change of the fragments"}},
       .run = [&shared](Context& context) -> Result<int> {
         CG_CHECK(Builder({}, shared, context.options, context.env).digest());
         return exit_good;
       }}};
  return run_commands(tool, args, env);
}

}  // namespace cg
