#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/shown.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/image_choice.h"
#include "image/ext4/read/ext_files.h"
#include "image/initrd/files.h"

namespace cg {

namespace {

// "ext4" for a bare file system, else what is around it.
std::string form_of(const image::ImageReader& reader) {
  const auto scheme = reader.layout().scheme;
  return scheme == image::Scheme::raw ? std::string(image::to_string(reader.place().content))
                                      : fmt::format("{} disk", image::to_string(scheme));
}

nlohmann::ordered_json partitions_json(const image::DiskLayout& layout) {
  auto partitions = nlohmann::ordered_json::array();
  for (const auto& partition : layout.partitions) {
    partitions.push_back({{"number", partition.number},
                          {"offset", partition.offset},
                          {"bytes", partition.bytes},
                          {"type", partition.type},
                          {"content", image::to_string(partition.content)}});
    if (!partition.name.empty()) partitions.back()["name"] = partition.name;
  }
  return partitions;
}

void print_json(const ImageChoice& choice, const image::ImageReader& reader, std::ostream& out) {
  const image::ImageInfo info = reader.info();
  const nlohmann::ordered_json json = {{"schema", "criu-guest.image-inspect/1"},
                                       {"image", choice.image},
                                       {"form", form_of(reader)},
                                       {"file_bytes", reader.layout().bytes},
                                       {"partitions", partitions_json(reader.layout())},
                                       {"faults", reader.layout().faults},
                                       {"partition", reader.place().partition},
                                       {"offset", reader.place().offset},
                                       {"bytes", info.bytes},
                                       {"block_size", info.block_size},
                                       {"blocks", info.blocks},
                                       {"free_blocks", info.free_blocks},
                                       {"inodes", info.inodes},
                                       {"free_inodes", info.free_inodes},
                                       {"directories", info.directories},
                                       {"uuid", info.uuid},
                                       {"label", info.label},
                                       {"state", info.state},
                                       {"features", info.features}};
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_text(const ImageChoice& choice, const image::ImageReader& reader, std::ostream& out) {
  const image::ImageInfo info = reader.info();
  out << fmt::format("image     {}\nform      {}\n", choice.image, form_of(reader));
  for (const auto& partition : reader.layout().partitions)
    out << fmt::format("partition {}{} {} of {} at {}, type {}{}\n", partition.number,
                       partition.number == reader.place().partition ? "*" : " ", human_size(partition.bytes),
                       image::to_string(partition.content), partition.offset, partition.type,
                       partition.name.empty() ? "" : ", " + shown(partition.name));
  for (const auto& fault : reader.layout().faults) out << fmt::format("fault     {}\n", shown(fault));
  out << fmt::format("state     {}\nsize      {} ({} bytes, {} blocks of {})\n", info.state,
                     human_size(info.bytes), info.bytes, info.blocks, info.block_size)
      << (!reader.as<image::ExtFiles>() ? std::string()
                                        : fmt::format("free      {} ({} blocks), {} of {} inodes\n",
                                                      human_size(info.free_blocks * info.block_size),
                                                      info.free_blocks, info.free_inodes, info.inodes))
      << fmt::format(
             "holds     {} inodes in use, {} of them directories\nlabel     {}\nuuid      {}\nfeatures  {}\n",
             info.inodes - info.free_inodes, info.directories,
             info.label.empty() ? "none" : shown(info.label), info.uuid, join(info.features, " "));
}

std::string codec_name(const image::InitrdMember& member) {
  return member.codec ? std::string(to_string(*member.codec)) : "plain";
}

void print_initrd(const ImageChoice& choice, const image::ImageReader& reader,
                  const image::InitrdArchive& archive, Context& context) {
  const auto& members = archive.members();
  const auto& faults = archive.faults();
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.image-inspect/1"},
                                   {"image", choice.image},
                                   {"form", "initrd"},
                                   {"file_bytes", reader.layout().bytes},
                                   {"faults", faults},
                                   {"bytes", reader.info().bytes},
                                   {"data_bytes", archive.tree().file_bytes()},
                                   {"state", reader.info().state}};
    json["archives"] = nlohmann::ordered_json::array();
    for (const auto& member : members)
      json["archives"].push_back({{"offset", member.offset},
                                  {"bytes", member.bytes},
                                  {"compression", codec_name(member)},
                                  {"unpacked", member.unpacked},
                                  {"entries", member.entries},
                                  {"firmware", member.firmware}});
    context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  context.env.out << fmt::format("image     {}\nform      initrd\n", choice.image);
  for (std::size_t i = 0; i < members.size(); ++i)
    context.env.out << fmt::format("archive {} {} of {} at {}: {} entries, {} unpacked{}\n", i + 1,
                                   codec_name(members[i]), human_size(members[i].bytes), members[i].offset,
                                   members[i].entries, human_size(members[i].unpacked),
                                   members[i].firmware ? ", firmware for boot code" : "");
  for (const auto& fault : faults) context.env.out << fmt::format("fault     {}\n", shown(fault));
  context.env.out << fmt::format("state     {}\nsize      {} ({} bytes), {} of files\n", reader.info().state,
                                 human_size(reader.layout().bytes), reader.layout().bytes,
                                 human_size(archive.tree().file_bytes()));
}

}  // namespace

Command inspect_command() {
  auto choice = std::make_shared<ImageChoice>();
  return {.name = "inspect",
          .help = "Say what an image is: form, partitions, size, features, what is free, its state",
          .options = image_choice_options(*choice),
          .examples = {{"rootfs-builder inspect kata.img --format json", ""}},
          .run = [choice](Context& context) -> Result<int> {
            CG_TRY(reader, choice->open(context));
            if (const auto* initrd = reader.as<image::InitrdFiles>())
              print_initrd(*choice, reader, initrd->archive(), context);
            else if (context.options.format == "json")
              print_json(*choice, reader, context.env.out);
            else
              print_text(*choice, reader, context.env.out);
            return exit_good;
          }};
}

}  // namespace cg
