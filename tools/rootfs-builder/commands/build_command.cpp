// build: a recipe becomes a plan (base layer, directories, files, links, inputs), the plan an image.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <ostream>

#include "base/cli/describe.h"
#include "base/cli/watch.h"
#include "base/data.h"
#include "base/file.h"
#include "base/shown.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_output.h"
#include "image/image_builder.h"
#include "image/sources/sources.h"
#include "programs/check.h"
#include "recipe/base_layer.h"
#include "recipe/builder_entries.h"
#include "recipe/builder_tree.h"
#include "recipe/kata_extension.h"
#include "recipe/plan.h"
#include "recipe/system_settings.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct BuildArguments {
  PlanArguments plan;
  bool dry_run = false;
  bool refresh = false;
  bool offline = false;
  bool force = false;
};

void print_plan(const Plan& plan, Context& context) {
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.image-plan/1"},
                                   {"recipe", plan.recipe.name},
                                   {"file", plan.recipe.path.string()}};
    json["steps"] = nlohmann::ordered_json::array();
    for (auto& step : steps(plan)) json["steps"].push_back(std::move(step.facts));
    context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  context.env.out << fmt::format("recipe {} ({})\n", plan.recipe.name, plan.recipe.path.string());
  for (const auto& step : steps(plan)) context.env.out << step.text << "\n";
}

// Everything that is not a copy of something dated gets `time`.
Result<void> add_entries(const Plan& plan, image::NewFiles& builder, std::int64_t time) {
  const Recipe& recipe = plan.recipe;
  for (const auto& path : recipe.remove) CG_CHECK(builder.tree().remove(path));
  for (const auto& item : recipe.directories) {
    if (!plan.wanted(item.needs)) continue;
    CG_CHECK(put_directory(builder, item.path, item.owner, time));
  }
  for (const auto& file : recipe.files) {
    if (!plan.wanted(file.needs)) continue;
    if (!file.source.empty()) {
      CG_CHECK(put_host_file(builder, file.dest, file.source, file.owner, time));
      continue;
    }
    CG_CHECK(put_text(builder, file.dest, file.content, file.owner, time));
  }
  for (const auto& input : recipe.inputs)
    if (const auto given = plan.inputs.find(input.name); given != plan.inputs.end())
      CG_CHECK(put_host_file(builder, input.dest, given->second, input.owner, time));
  for (const auto& link : recipe.links) {
    if (!plan.wanted(link.needs)) continue;
    if (link.unless_present && builder.tree().find(link.path)) continue;
    CG_CHECK(put_link(builder, link.path, link.target, time));
  }
  return {};
}

// A program that the image cannot start is no use in it.
Result<void> check_inputs(const Plan& plan, image::NewFiles& builder, const BuildArguments& arguments,
                          Context& context) {
  const BuilderTree tree(builder);
  Loader loader(tree);
  CG_TRY(machine, machine_of(loader, tree));
  std::string reasons;
  for (const auto& input : plan.recipe.inputs) {
    if (!plan.inputs.contains(input.name)) continue;
    CG_TRY(place, resolve(tree, input.dest));
    if (!place.entry || place.entry->kind != FileKind::regular) continue;
    CG_TRY(problems, check_program(loader, place.path, machine));
    for (const auto& problem : problems)
      reasons += fmt::format("{}{}: {} {}", reasons.empty() ? "" : "\n", plan.inputs.at(input.name).string(),
                             problem.path, problem.message);
  }
  if (reasons.empty()) return {};
  if (!arguments.force) return refused(reasons + "\n--force builds the image all the same");
  context.env.err << reasons << "\n";
  return {};
}

void print_ingredients(const Plan& plan, const std::vector<std::string>& notes, double seconds_before,
                       std::ostream& err) {
  const Recipe& recipe = plan.recipe;
  for (const auto& note : notes) err << "  " << note << "\n";
  if (recipe.modules && !plan.modules)
    err << "  without kernel modules; for a kernel that has some: --set modules=DIR\n";
  for (const auto& input : recipe.inputs) {
    const auto given = plan.inputs.find(input.name);
    err << (given != plan.inputs.end()
                ? fmt::format("  {} {} from {}\n", input.what, input.dest, given->second.string())
                : fmt::format("  NO {}: --set {}=PATH puts one at {}\n", input.what, input.name, input.dest));
  }
  if (seconds_before > 0.05)
    err << fmt::format("  base layer ready after {}\n", human_seconds(seconds_before));
}

Result<int> build(const BuildArguments& arguments, Context& context) {
  CG_TRY(plan, make_plan(arguments.plan, context.env));
  if (arguments.dry_run) {
    print_plan(plan, context);
    return exit_good;
  }
  const auto start = std::chrono::steady_clock::now();
  const Recipe& recipe = plan.recipe;
  CG_TRY(place, ImageOutput::create(context.options.output, context.env));
  if (place.is_stream() && (recipe.verity || !recipe.kata_extension.empty()))
    return usage_error(
        fmt::format("-o -: the recipe {} writes more files than the image; name one", recipe.name));
  const LayerOptions layer_options{.cache = cache_directory(context.env, context.options.cache),
                                   .progress = context.options.quiet ? nullptr : &context.env.err,
                                   .terminal = context.env.err_is_terminal,
                                   .refresh = arguments.refresh,
                                   .offline = arguments.offline};
  CG_CHECK(make_directories(layer_options.cache / "rootfs"));
  std::vector<fs::path> layers;
  if (recipe.debs) {
    CG_TRY(layer, picked_layer(*recipe.debs, layer_options));
    layers.push_back(layer.tar);
  }
  if (recipe.debian) {
    CG_TRY(layer, debian_layer(*recipe.debian, layer_options));
    layers.push_back(layer.tar);
  }
  layers.insert(layers.end(), recipe.layers.begin(), recipe.layers.end());
  const auto writing = std::chrono::steady_clock::now();

  const ImageArguments image_arguments{.size = recipe.size,
                                       .label = recipe.label,
                                       .uuid = {},
                                       .journal = recipe.journal,
                                       .form = recipe.form,
                                       .inodes = {},
                                       .inode_ratio = {},
                                       .verity = recipe.verity,
                                       .compression = recipe.compression};
  CG_TRY(epoch, source_date_epoch(context.env));
  const std::int64_t time = epoch.value_or(0);
  if (const fs::path parent = fs::path(context.options.output).parent_path(); !parent.empty())
    CG_CHECK(make_directories(parent));
  CG_TRY(image_options, image_arguments.resolve(context.env));
  std::optional<Watch> watch(std::in_place, "writing " + context.options.output, context);
  CG_TRY(builder, image::ImageBuilder::create(place.file(), std::move(image_options)));
  if (recipe.merged_usr) {
    for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
      CG_CHECK(put_directory(builder, fmt::format("/usr/{}", name), {.mode = 0755}, time));
      CG_CHECK(put_link(builder, fmt::format("/{}", name), fmt::format("usr/{}", name), time));
    }
  }
  for (const auto& layer : layers) {
    std::error_code error;
    watch->at("reading " + layer.filename().string());
    if (fs::is_directory(layer, error))
      CG_CHECK(image::add_directory(builder, layer));
    else
      CG_CHECK(image::add_archive(builder, layer));
  }
  CG_CHECK(add_entries(plan, builder, time));
  std::vector<std::string> notes;
  CG_CHECK(add_system_settings(plan, builder, time, context.env, notes));
  watch->at("programs");
  CG_CHECK(check_inputs(plan, builder, arguments, context));
  watch->at("file system");
  CG_TRY(summary, builder.finish());
  watch.reset();
  CG_CHECK(write_root_hash(place.file(), summary));
  if (!recipe.kata_extension.empty()) {
    const auto* const disk = std::get_if<image::ImageSummary>(&summary);
    notes.push_back(fmt::format("Kata's configuration takes it by {}.kata.toml", context.options.output));
    CG_CHECK(write_file_atomically(
        context.options.output + ".kata.toml",
        kata_drop_in(recipe.kata_extension, fs::absolute(context.options.output).lexically_normal(),
                     disk ? disk->verity : std::nullopt)));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - writing;
  const std::chrono::duration<double> before = writing - start;
  CG_CHECK(place.deliver(context.env));
  if (!context.options.quiet) print_ingredients(plan, notes, before.count(), context.env.err);
  print_summary(summary, took.count(), context);
  return exit_good;
}

}  // namespace

Command list_command() {
  struct State {
    std::string recipes;
  };
  const auto state = std::make_shared<State>();
  return {.name = "list",
          .help = "The images that have a recipe",
          .options = {{"--recipes DIR", &state->recipes,
                       "The directory with the recipes (default: recipes/rootfs of this project)"}},
          .examples = {{"rootfs-builder list --format json", "for scripts"}},
          .run = [state](Context& context) -> Result<int> {
            CG_TRY(names, recipe_names(context.env, "rootfs", state->recipes));
            nlohmann::ordered_json rows = nlohmann::ordered_json::array();
            std::string text = fmt::format("{:<16} {:<12} {}\n", "RECIPE", "FORM", "WHAT IT IS");
            for (const auto& name : names) {
              CG_TRY(path, find_recipe(context.env, "rootfs", name, state->recipes));
              CG_TRY(recipe, load_recipe(path));
              rows.push_back({{"recipe", name}, {"form", recipe.form}, {"description", recipe.description}});
              text += fmt::format("{:<16} {:<12} {}\n", name, recipe.form, shown(recipe.description));
            }
            if (context.options.format == "json")
              text = nlohmann::ordered_json{{"schema", "criu-guest.image-recipes/1"}, {"recipes", rows}}.dump(
                         2, ' ', false, nlohmann::json::error_handler_t::replace) +
                     "\n";
            context.env.out << text;
            return exit_good;
          }};
}

Command build_command(CommonOptions& common) {
  auto arguments = std::make_shared<BuildArguments>();
  return {
      .name = "build",
      .help = "Make an image as a recipe says",
      .options = {{"RECIPE",
                   &arguments->plan.recipe,
                   "A name under recipes/rootfs, such as kata, or a file",
                   {.required = true, .known = known_recipes("rootfs")}},
                  {"-o,--output IMAGE", &common.output, "The image; - is standard output"},
                  {"--set NAME=PATH...", &arguments->plan.set,
                   "A file the recipe asks for, such as criu=out/criu-4.2.1; modules=DIR"},
                  {"--size SIZE", &arguments->plan.size, "Instead of the recipe's: auto, auto+64M or 512M"},
                  {"--dry-run", &arguments->dry_run, "Print what would be done"},
                  {"--force", &arguments->force,
                   "Build it also when the image cannot start a program that was given"},
                  {"--recipes DIR", &arguments->plan.recipes,
                   "The directory with the recipes (default: recipes/rootfs of this project)"},
                  {"--offline", &arguments->offline,
                   "Use no network: Debian's part out of the cache, or not at all"},
                  {"--refresh", &arguments->refresh,
                   "Ask apt again for the packages, instead of taking them from the cache"}},
      .examples = {{"rootfs-builder build kata -o kata.img --set criu=out/criu-4.2.1 --set agent=kata-agent",
                    ""},
                   {"rootfs-builder build my.toml --dry-run", "what it would do, step by step"}},
      .run = [arguments](Context& context) -> Result<int> {
        if (arguments->offline && arguments->refresh)
          return usage_error("--refresh asks apt, which --offline forbids; give one of them");
        if (context.options.output.empty() && !arguments->dry_run)
          return usage_error("build: -o IMAGE is required");
        return build(*arguments, context);
      }};
}

}  // namespace cg
