#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"
#include "commands.h"
#include "image/reader.h"

namespace cg {

Registered add_inspect_command(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("inspect", "Say what an image is: size, features, what is free, its state");
  command->add_option("IMAGE", *path, "A raw ext4 image")->required();
  return {command, [path](Context& context) -> Result<int> {
            CG_TRY(reader, image::ImageReader::open(*path));
            const image::ImageInfo info = reader.info();
            std::ostream& out = context.env.out;
            if (context.options.format == "json") {
              const nlohmann::ordered_json json = {
                  {"schema", "criu-guest/image-inspect"}, {"version", 1}, {"image", *path}, {"form", "ext4"}, {"bytes", info.bytes},
                  {"block_size", info.block_size}, {"blocks", info.blocks}, {"free_blocks", info.free_blocks}, {"inodes", info.inodes},
                  {"free_inodes", info.free_inodes}, {"directories", info.directories}, {"uuid", info.uuid}, {"label", info.label},
                  {"state", info.state}, {"features", info.features}};
              out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
              return exit_good;
            }
            out << fmt::format("image     {}\nform      ext4\nstate     {}\nsize      {} ({} bytes, {} blocks of {})\n", *path, info.state,
                               human_size(info.bytes), info.bytes, info.blocks, info.block_size)
                << fmt::format("free      {} ({} blocks), {} of {} inodes\n", human_size(info.free_blocks * info.block_size), info.free_blocks,
                               info.free_inodes, info.inodes)
                << fmt::format("holds     {} inodes in use, {} of them directories\nlabel     {}\nuuid      {}\nfeatures  {}\n",
                               info.inodes - info.free_inodes, info.directories, info.label.empty() ? "none" : info.label, info.uuid,
                               join(info.features, " "));
            return exit_good;
          }};
}

}  // namespace cg
