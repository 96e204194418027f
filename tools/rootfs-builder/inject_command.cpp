#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"
#include "commands.h"
#include "image/editor.h"

namespace cg {

Registered add_inject_command(CLI::App& app) {
  struct State {
    std::string image;
    std::vector<std::string> items;
  };
  auto state = std::make_shared<State>();
  CLI::App* command = app.add_subcommand("inject", "Put files into an existing image; all of them or, if anything fails, none");
  command->add_option("IMAGE", state->image, "A raw ext4 image")->required();
  command->add_option("SRC:DEST[:MODE[:UID:GID]]", state->items, "What goes where; MODE is octal, \\: is a colon in a name")->required();
  return {command, [state](Context& context) -> Result<int> {
            std::vector<image::Injection> injections;
            for (const auto& item : state->items) {
              CG_TRY(injection, image::parse_injection(item));
              injections.push_back(std::move(injection));
            }
            image::InjectOptions inject_options;
            CG_TRY(epoch, source_date_epoch(context.env));
            inject_options.source_date_epoch = epoch;
            CG_TRY(files, image::inject(state->image, injections, inject_options));
            if (context.options.format == "json") {
              nlohmann::ordered_json json = {{"schema", "criu-guest/image-inject"}, {"version", 1}, {"image", state->image}};
              json["files"] = nlohmann::ordered_json::array();
              for (const auto& file : files) json["files"].push_back({{"path", file.path}, {"bytes", file.bytes}, {"replaced", file.replaced}});
              context.env.out << json.dump(2) << "\n";
            } else if (!context.options.quiet) {
              for (const auto& file : files)
                context.env.err << fmt::format("{}: {} {} ({})\n", state->image, file.replaced ? "replaced" : "added", file.path, human_size(file.bytes));
            }
            return exit_good;
          }};
}

}  // namespace cg
