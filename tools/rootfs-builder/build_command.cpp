// build: a recipe becomes a plan (base layer, directories, files, links, inputs), the plan an image.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <ostream>

#include "base/data.h"
#include "base/file.h"
#include "base/text.h"
#include "base_layer.h"
#include "commands.h"
#include "image/sources.h"
#include "image_arguments.h"
#include "recipe.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct BuildArguments {
  std::string recipe;
  std::vector<std::string> set;
  bool dry_run = false;
  bool refresh = false;
  std::string size;
};

struct Plan {
  Recipe recipe;
  std::map<std::string, fs::path> inputs;  // given ones
  std::vector<std::string> missing;        // optional inputs that are not
  bool wanted(const std::string& needs) const { return needs.empty() || inputs.contains(needs); }
};

Result<Plan> make_plan(const BuildArguments& arguments, Environment& env) {
  CG_TRY(path, find_recipe(env, "rootfs", arguments.recipe));
  CG_TRY(recipe, load_recipe(path));
  Plan plan{.recipe = std::move(recipe), .inputs = {}, .missing = {}};
  if (!arguments.size.empty()) plan.recipe.size = arguments.size;
  std::vector<std::string> names;
  for (const auto& input : plan.recipe.inputs) names.push_back(input.name);
  for (const auto& item : arguments.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos) return usage_error(fmt::format("--set '{}': write NAME=PATH", item));
    const std::string name = item.substr(0, equals);
    if (std::ranges::find(names, name) == names.end())
      return usage_error(fmt::format(
          "--set {}: recipe {} has no such input{}", item, plan.recipe.name,
          names.empty() ? "" : did_you_mean(name, names) + " (it has " + join(names, ", ") + ")"));
    const fs::path file = item.substr(equals + 1);
    std::error_code error;
    if (!fs::is_regular_file(file, error))
      return cannot(fmt::format("--set {}: {}", item, error ? error.message() : "not a regular file"));
    plan.inputs[name] = file;
  }
  for (const auto& input : plan.recipe.inputs) {
    if (plan.inputs.contains(input.name)) continue;
    if (!input.optional)
      return usage_error(
          fmt::format("recipe {} needs {}: give --set {}=PATH", plan.recipe.name, input.what, input.name));
    plan.missing.push_back(input.name);
  }
  return plan;
}

void print_plan(const Plan& plan, std::ostream& out) {
  const Recipe& recipe = plan.recipe;
  out << fmt::format("recipe {} ({})\n", recipe.name, recipe.path.string());
  if (recipe.merged_usr) out << "links /bin, /sbin, /lib and /lib64 into /usr\n";
  if (recipe.debs)
    out << fmt::format("files {} of the packages {}\n", join(recipe.debs->include, " "),
                       join(recipe.debs->packages, " "));
  if (recipe.debian)
    out << fmt::format("mmdebstrap {} with {}\n", recipe.debian->variant, join(recipe.debian->packages, " "));
  for (const auto& layer : recipe.layers) out << fmt::format("layer {}\n", layer.string());
  for (const auto& path : recipe.remove) out << fmt::format("remove {}\n", path);
  for (const auto& item : recipe.directories)
    if (plan.wanted(item.needs)) out << fmt::format("directory {} {:04o}\n", item.path, item.owner.mode);
  for (const auto& file : recipe.files)
    if (plan.wanted(file.needs))
      out << fmt::format("file {} {:04o} from {}\n", file.dest, file.owner.mode,
                         file.source.empty() ? "the recipe" : file.source.string());
  for (const auto& link : recipe.links)
    if (plan.wanted(link.needs))
      out << fmt::format("link {} -> {}{}\n", link.path, link.target,
                         link.unless_present ? " unless present" : "");
  for (const auto& input : recipe.inputs) {
    const auto given = plan.inputs.find(input.name);
    if (given != plan.inputs.end())
      out << fmt::format("file {} {:04o} from {}\n", input.dest, input.owner.mode, given->second.string());
    else
      out << fmt::format("without {} ({} is not given)\n", input.what, input.name);
  }
  out << fmt::format("ext4, size {}, journal {}\n", recipe.size, recipe.journal);
}

image::Metadata metadata(image::NodeType type, const RecipeOwner& owner, std::int64_t time) {
  return {.type = type, .mode = owner.mode, .uid = owner.uid, .gid = owner.gid, .mtime = {time, 0}};
}

Result<void> put_host_file(image::ImageBuilder& builder, const std::string& dest, const fs::path& source,
                           const RecipeOwner& owner, std::int64_t time) {
  std::error_code error;
  const fs::path real = fs::canonical(source, error);
  const auto size = error ? 0 : fs::file_size(real, error);
  if (error) return cannot(source.string() + ": " + error.message());
  CG_TRY(index, builder.tree().add(dest, metadata(image::NodeType::regular, owner, time)));
  builder.set_host_file(index, real, size);
  return {};
}

Result<void> put_link(image::ImageBuilder& builder, const std::string& path, const std::string& target,
                      std::int64_t time) {
  image::Metadata meta{.type = image::NodeType::symlink, .mode = 0777, .mtime = {time, 0}, .target = target};
  CG_TRY(index, builder.tree().add(path, std::move(meta)));
  (void)index;
  return {};
}

// Everything that is not a copy of something dated gets `time`.
Result<void> add_entries(const Plan& plan, image::ImageBuilder& builder, std::int64_t time) {
  const Recipe& recipe = plan.recipe;
  for (const auto& path : recipe.remove) CG_CHECK(builder.tree().remove(path));
  for (const auto& item : recipe.directories) {
    if (!plan.wanted(item.needs)) continue;
    CG_TRY(index, builder.tree().add(item.path, metadata(image::NodeType::directory, item.owner, time)));
    (void)index;
  }
  for (const auto& file : recipe.files) {
    if (!plan.wanted(file.needs)) continue;
    if (!file.source.empty()) {
      CG_CHECK(put_host_file(builder, file.dest, file.source, file.owner, time));
      continue;
    }
    CG_TRY(index, builder.tree().add(file.dest, metadata(image::NodeType::regular, file.owner, time)));
    builder.set_bytes(index, file.content);
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

Result<int> build(const BuildArguments& arguments, Context& context) {
  CG_TRY(plan, make_plan(arguments, context.env));
  if (arguments.dry_run) {
    print_plan(plan, context.env.out);
    return exit_good;
  }
  const auto start = std::chrono::steady_clock::now();
  const Recipe& recipe = plan.recipe;
  const LayerOptions layer_options{.cache = cache_directory(context.env, context.options.cache),
                                   .progress = context.options.quiet ? nullptr : &context.env.err,
                                   .terminal = context.env.err_is_terminal,
                                   .refresh = arguments.refresh};
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

  const ImageArguments image_arguments{
      .size = recipe.size, .label = recipe.label, .uuid = {}, .journal = recipe.journal};
  CG_TRY(image_options, image_arguments.resolve(context.env));
  const std::int64_t time = image_options.source_date_epoch.value_or(0);
  if (const fs::path parent = fs::path(context.options.output).parent_path(); !parent.empty())
    CG_CHECK(make_directories(parent));
  CG_TRY(builder, image::ImageBuilder::create(context.options.output, image_options));
  if (recipe.merged_usr) {
    for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
      CG_TRY(made, builder.tree().add(fmt::format("/usr/{}", name),
                                      metadata(image::NodeType::directory, {.mode = 0755}, time)));
      (void)made;
      CG_CHECK(put_link(builder, fmt::format("/{}", name), fmt::format("usr/{}", name), time));
    }
  }
  for (const auto& layer : layers) {
    std::error_code error;
    if (fs::is_directory(layer, error))
      CG_CHECK(image::add_directory(builder, layer));
    else
      CG_CHECK(image::add_archive(builder, layer));
  }
  CG_CHECK(add_entries(plan, builder, time));
  CG_TRY(summary, builder.finish());
  const auto end = std::chrono::steady_clock::now();
  if (!context.options.quiet) {
    for (const auto& input : recipe.inputs) {
      const auto given = plan.inputs.find(input.name);
      context.env.err << (given != plan.inputs.end() ? fmt::format("  {} {} from {}\n", input.what,
                                                                   input.dest, given->second.string())
                                                     : fmt::format("  NO {}: --set {}=PATH puts one at {}\n",
                                                                   input.what, input.name, input.dest));
    }
    const std::chrono::duration<double> before = writing - start;
    if (before.count() > 0.05)
      context.env.err << fmt::format("  base layer ready after {}\n", human_seconds(before.count()));
  }
  const std::chrono::duration<double> took = end - writing;
  print_summary(summary, took.count(), context);
  return exit_good;
}

}  // namespace

Registered add_build_command(CLI::App& app, CommonOptions& options) {
  auto arguments = std::make_shared<BuildArguments>();
  CLI::App* command = app.add_subcommand("build", "Make an image as a recipe says");
  command->add_option("RECIPE", arguments->recipe, "A name under recipes/rootfs (demo, kata) or a file")
      ->required();
  auto* output = command->add_option("-o,--output", options.output, "The image");
  command->add_option("--set", arguments->set,
                      "NAME=PATH: a file the recipe asks for, such as criu=out/criu-4.1.1");
  command->add_option("--size", arguments->size, "Instead of the recipe's: auto, auto+64M or 512M");
  auto* dry_run = command->add_flag("--dry-run", arguments->dry_run, "Print what would be done");
  command->add_flag("--refresh", arguments->refresh,
                    "Ask apt again for the packages, instead of taking them from the cache");
  return {command, [arguments, output, dry_run](Context& context) -> Result<int> {
            if (output->empty() && dry_run->empty()) return usage_error("build: -o IMAGE is required");
            return build(*arguments, context);
          }};
}

}  // namespace cg
