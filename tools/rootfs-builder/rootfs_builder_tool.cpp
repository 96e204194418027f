#include "rootfs_builder_tool.h"

#include <fmt/format.h>

#include <charconv>

#include "base/cli/cli.h"
#include "base/cli/describe.h"
#include "commands/commands.h"

namespace cg {

Result<std::optional<std::int64_t>> source_date_epoch(const Environment& env) {
  const auto text = env.variable("SOURCE_DATE_EPOCH");
  if (!text || text->empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < 0)
    return usage_error(fmt::format("SOURCE_DATE_EPOCH='{}': not a number of seconds", *text));
  return value;
}

int rootfs_builder_main(const Args& args, Environment& env) {
  CommonOptions common;
  Tool tool;
  tool.name = "rootfs-builder";
  tool.help = "Makes guest images and looks into and changes existing ones, without root or a mount";
  tool.common = &common;
  tool.files = {{"recipes/rootfs/RECIPE.toml", "what is in an image (recipes/rootfs/README.md has the keys)"},
                {"IMAGE.root_hash.txt", "with --verity: what Kata's kernel_verity_params is made of"}};
  tool.variables = {data_variable(),
                    {"SOURCE_DATE_EPOCH", "The time that the image's own inodes have, in seconds since 1970"},
                    {"TMPDIR", "Where a base layer is put together"}};
  tool.commands = {
      create_command(common),  build_command(common),   list_command(),    ls_command(),     cat_command(),
      convert_command(common), extract_command(common), inspect_command(), verify_command(), diff_command()};
  for (auto& command : edit_commands()) tool.commands.push_back(std::move(command));
  return run_commands(tool, args, env);
}

}  // namespace cg
