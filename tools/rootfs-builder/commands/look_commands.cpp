// ls, cat and extract.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/cli/watch.h"
#include "base/file.h"
#include "base/shown.h"
#include "commands/commands.h"
#include "commands/image_choice.h"
#include "image/tree/extract.h"

namespace cg {
namespace {

using image::FileInfo;
using image::NodeType;

std::string mode_text(const FileInfo& info) {
  static constexpr std::string_view types = "-dlcbps";
  std::string text(1, types[static_cast<std::size_t>(info.meta.type)]);
  for (int shift = 6; shift >= 0; shift -= 3) {
    const std::uint32_t bits = info.meta.mode >> shift & 7;
    const bool special = info.meta.mode >> (9 + shift / 3) & 1;  // set-user-id, set-group-id, sticky
    text += bits & 4 ? 'r' : '-';
    text += bits & 2 ? 'w' : '-';
    const char letter = shift == 0 ? 't' : 's';
    text += special ? (bits & 1 ? letter : static_cast<char>(letter & ~0x20)) : bits & 1 ? 'x' : '-';
  }
  return text;
}

std::string line_of(const std::string& name, const FileInfo& info) {
  const bool device =
      info.meta.type == NodeType::character_device || info.meta.type == NodeType::block_device;
  const std::string size = device ? fmt::format("{}, {}", info.meta.device_major, info.meta.device_minor)
                                  : fmt::format("{}", info.size);
  const std::string time =
      fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(static_cast<std::time_t>(info.meta.mtime.seconds)));
  return fmt::format("{} {:>3} {:>5} {:>5} {:>10} {} {}{}\n", mode_text(info), info.links, info.meta.uid,
                     info.meta.gid, size, time, shown(name),
                     info.meta.type == NodeType::symlink ? " -> " + shown(info.meta.target) : "");
}

nlohmann::ordered_json json_of(const std::string& name, const FileInfo& info) {
  nlohmann::ordered_json json = {{"name", name},
                                 {"type", image::to_string(info.meta.type)},
                                 {"mode", fmt::format("{:04o}", info.meta.mode)},
                                 {"uid", info.meta.uid},
                                 {"gid", info.meta.gid},
                                 {"size", info.size},
                                 {"links", info.links},
                                 {"inode", info.inode},
                                 {"mtime", info.meta.mtime.seconds},
                                 {"mtime_ns", info.meta.mtime.nanoseconds}};
  if (info.meta.type == NodeType::symlink) json["target"] = info.meta.target;
  if (info.meta.type == NodeType::character_device || info.meta.type == NodeType::block_device) {
    json["major"] = info.meta.device_major;
    json["minor"] = info.meta.device_minor;
  }
  return json;
}

struct Listing {
  ImageChoice choice;
  std::string path = "/";
  bool recursive = false;
};

Result<int> list(const Listing& listing, Context& context) {
  CG_TRY(reader, listing.choice.open(context));
  CG_TRY(top, reader.stat(listing.path, image::LastLink::keep));
  auto last = image::LastLink::keep;
  if (top.meta.type == NodeType::symlink) {
    if (auto followed = reader.stat(listing.path); followed && followed->meta.type == NodeType::directory) {
      top = *followed;
      last = image::LastLink::follow;
    }
  }
  std::vector<image::DirectoryItem> items;
  if (top.meta.type != NodeType::directory) {
    items.push_back({listing.path, top});
  } else if (!listing.recursive) {
    CG_TRY(here, reader.list(listing.path));
    items = std::move(here);
  } else {
    std::optional<std::size_t> start;  // of the names, behind that of the directory, which comes first
    CG_CHECK(image::walk(
        reader, listing.path,
        [&](const std::string& path, const image::FileInfo& info) -> Result<void> {
          if (start)
            items.push_back({path.substr(*start), info});
          else
            start = path == "/" ? 1 : path.size() + 1;
          return {};
        },
        last));
  }
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {
        {"schema", "criu-guest.image-listing/1"}, {"image", listing.choice.image}, {"path", listing.path}};
    json["entries"] = nlohmann::ordered_json::array();
    for (const auto& item : items) json["entries"].push_back(json_of(item.name, item.info));
    context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    for (const auto& item : items) context.env.out << line_of(item.name, item.info);
  }
  return exit_good;
}

}  // namespace

Command ls_command() {
  auto listing = std::make_shared<Listing>();
  return {.name = "ls",
          .help = "List a directory of an image",
          .options = image_choice_options(listing->choice,
                                          {{"PATH", &listing->path, "From the image's root"},
                                           {"-R,--recursive", &listing->recursive, "Also what lies below"}}),
          .examples = {{"rootfs-builder ls kata.img /usr/bin -R", ""}},
          .run = [listing](Context& context) { return list(*listing, context); }};
}

Command cat_command() {
  struct State {
    ImageChoice choice;
    std::vector<std::string> paths;
  };
  auto state = std::make_shared<State>();
  return {.name = "cat",
          .help = "Write files of an image to standard output, byte for byte",
          .options = image_choice_options(
              state->choice, {{"PATH", &state->paths, "From the image's root", {.required = true}}}),
          .examples = {{"rootfs-builder cat kata.img /etc/os-release", ""}},
          .run = [state](Context& context) -> Result<int> {
            CG_TRY(reader, state->choice.open(context));
            for (const auto& path : state->paths)
              CG_CHECK(reader.read(path, [&](std::string_view piece) -> Result<void> {
                context.env.out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
                if (!context.env.out) return cannot("writing standard output failed");
                return {};
              }));
            return exit_good;
          }};
}

Command extract_command(CommonOptions& common) {
  struct State {
    ImageChoice choice;
    std::string path = "/";
  };
  auto state = std::make_shared<State>();
  return {.name = "extract",
          .help = "Take a file, or a directory with all below it, out of an image",
          .options = image_choice_options(
              state->choice,
              {{"PATH", &state->path, "From the image's root; links are not followed"},
               {"-o,--output PATH",
                &common.output,
                "NAME.tar: a tar with owners, attributes and devices; '-': that on standard output; "
                "else a new "
                "file or directory",
                {.required = true}}}),
          .examples = {{"rootfs-builder extract kata.img /etc -o etc.tar", ""}},
          .run = [state](Context& context) -> Result<int> {
            CG_TRY(reader, state->choice.open(context));
            const std::string& output = context.options.output;
            std::optional<Watch> watch(std::in_place, "writing " + output, context);
            if (output == "-") {
              CG_CHECK(image::extract_tar(reader, state->path, STDOUT_FILENO, "standard output"));
            } else if (output.ends_with(".tar")) {
              CG_TRY(file, AtomicFile::create(output));
              CG_CHECK(image::extract_tar(reader, state->path, file.fd(), output));
              CG_CHECK(file.commit());
            } else {
              CG_TRY(extracted, image::extract_files(reader, state->path, output));
              watch.reset();
              if (extracted.skipped > 0 && !context.options.quiet)
                context.env.err << fmt::format(
                    "{}: without {} device nodes, which only root makes; -o NAME.tar has them\n", output,
                    extracted.skipped);
            }
            return exit_good;
          }};
}

}  // namespace cg
