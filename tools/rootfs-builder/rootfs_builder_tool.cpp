#include "rootfs_builder_tool.h"

#include <fmt/format.h>

#include <charconv>

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
  CLI::App app("Makes guest images and looks into and changes existing ones, without root or a mount",
               "rootfs-builder");
  CommonOptions options;
  add_common_options(app, options);
  app.require_subcommand(1);
  std::vector<Registered> commands = {add_create_command(app, options),
                                      add_build_command(app, options),
                                      add_ls_command(app),
                                      add_cat_command(app),
                                      add_convert_command(app, options),
                                      add_extract_command(app, options),
                                      add_inspect_command(app),
                                      add_verify_command(app),
                                      add_diff_command(app)};
  add_edit_commands(app, commands);
  if (const auto status = parse_command_line(app, args, env)) return *status;
  Context context{options, env};
  for (const auto& command : commands) {
    if (!command.app->parsed()) continue;
    auto result = command.run(context);
    return result ? *result : report_error(result.error(), "rootfs-builder", env);
  }
  return exit_usage;
}

}  // namespace cg
