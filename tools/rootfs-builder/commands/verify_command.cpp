// verify: is the file system whole, and does the image hold the very files that it should?
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/cli/describe.h"
#include "base/cli/watch.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/shown.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/image_choice.h"
#include "commands/verify_check.h"
#include "image/disk/frame.h"
#include "image/ext4/read/bitmaps.h"
#include "image/ext4/read/ext_files.h"
#include "image/initrd/files.h"
#include "image/tree/change.h"
#include "programs/check.h"
#include "programs/image_tree.h"

namespace cg {
namespace {

Check check_state(const image::ImageReader& reader) {
  const std::string state = reader.info().state;
  return {"state", state == "clean" ? "PASS" : "FAIL", state};
}

Check check_layout(const image::ImageReader& reader) {
  const image::DiskLayout& layout = reader.layout();
  if (!layout.faults.empty()) return {"layout", "FAIL", join(layout.faults, "; ")};
  return {"layout", "PASS",
          reader.place().partition == 0
              ? "the file is the file system"
              : fmt::format("{} disk, partition {} at {}", image::to_string(layout.scheme),
                            reader.place().partition, reader.place().offset)};
}

// Nothing where there is no tree.
Result<std::optional<Check>> check_verity(const image::ImageReader& reader) {
  image::Device& disk = reader.disk();
  if (reader.info().uuid.empty()) return std::nullopt;
  CG_TRY(id, image::parse_uuid(reader.info().uuid));
  CG_TRY(found, image::find_verity(disk, reader.layout(), reader.place(), id));
  if (!found) return std::nullopt;
  image::Window data(disk, reader.place().offset, reader.place().bytes);
  image::Window hash(disk, found->partition.offset, found->partition.bytes);
  const auto tree = image::check_verity_tree(data, hash, image::verity_salt(id));
  if (tree) return Check{"verity", "PASS", "root hash " + tree->root_hash};
  if (found->evidence == image::VerityPartition::Evidence::certain)
    return Check{"verity", "FAIL", tree.error().message};
  return Check{"verity", "UNKNOWN",
               fmt::format("partition {} may hold a dm-verity tree whose salt is not on the disk",
                           found->partition.number)};
}

// Of an ext file system; one that was not unmounted cleanly may well have old ones.
std::optional<Check> check_bitmaps(const image::ImageReader& reader) {
  const auto* const ext = reader.as<image::ExtFiles>();
  if (!ext || reader.info().state != "clean") return std::nullopt;
  const auto read = image::read_bitmaps(ext->filesystem(), reader.name());
  if (!read) return Check{"bitmaps", "FAIL", read.error().message};
  return Check{"bitmaps", "PASS", "agree with the blocks of all inodes"};
}

Result<Check> check_structure(const image::ImageReader& reader) {
  const auto& checker = image::format_of(reader.place().content)->checker;
  if (!checker) return Check{"structure", "UNKNOWN", "nothing is known to check it"};
  if (!find_program(checker->program))
    return Check{"structure", "UNKNOWN",
                 fmt::format("{} (package {}) is not on PATH", checker->program, checker->package)};
  CG_TRY(found, checker->run(reader.volume()));
  return found.empty() ? Check{"structure", "PASS", fmt::format("{} is clean", checker->command)}
                       : Check{"structure", "FAIL", fmt::format("{}: {}", checker->command, found)};
}

// One check for each program or library that cannot be loaded; or one that says how many can.
std::vector<Check> check_loading(const image::ImageReader& reader) {
  const auto report = check_programs(ImageTree(reader));
  if (!report) return {{"programs", "UNKNOWN", report.error().message}};
  std::vector<Check> checks;
  for (const auto& problem : report->problems)
    checks.push_back({"program", "FAIL", problem.message, problem.path});
  for (const auto& plugin : report->idle)
    checks.push_back({"plugin", "WARN", plugin.message + "; only who loads it goes without", plugin.path});
  if (report->problems.empty())
    checks.push_back(
        {"programs", "PASS",
         fmt::format("{} ELF files{}: loaders, libraries and symbol versions are there", report->programs,
                     report->machine.empty() ? "" : " for " + report->machine)});
  return checks;
}

// Everything was unpacked to get here; what is left is what the kernel would pass over in silence.
Check check_initrd(const image::InitrdArchive& archive) {
  std::uint64_t entries = 0;
  for (const auto& member : archive.members()) entries += member.entries;
  if (archive.fault_count() == 0)
    return {"structure", "PASS",
            fmt::format("{} entries in {} archive{}", entries, archive.members().size(),
                        archive.members().size() == 1 ? "" : "s")};
  std::vector<std::string> faults = archive.faults();
  if (archive.fault_count() > faults.size())
    faults.push_back(fmt::format("and {} more", archive.fault_count() - faults.size()));
  return {"structure", "FAIL", join(faults, "; ")};
}

}  // namespace

Result<Check> check_file(const image::ImageReader& reader, const image::Injection& expected) {
  CG_TRY(wanted, sha256_file(expected.source));
  Check check{"file", "FAIL", {}, expected.destination};
  const auto info = reader.stat(expected.destination);
  if (!info) {
    check.detail = "is not in the image";
    return check;
  }
  if (info->meta.type != image::NodeType::regular) {
    check.detail = fmt::format("is a {}", image::to_string(info->meta.type));
    return check;
  }
  Sha256 digest;
  CG_CHECK(reader.read(expected.destination, [&](std::string_view piece) -> Result<void> {
    digest.update(piece);
    return {};
  }));
  const std::string found = digest.hex();
  if (found != wanted)
    check.detail = fmt::format("holds other bytes than {}: SHA-256 {} in the image, {} in the file",
                               expected.source.string(), found, wanted);
  else if (expected.mode && *expected.mode != info->meta.mode)
    check.detail = fmt::format("has mode {:04o}, not {:04o}", info->meta.mode, *expected.mode);
  else if (expected.uid && (*expected.uid != info->meta.uid || *expected.gid != info->meta.gid))
    check.detail = fmt::format("belongs to {}:{}, not {}:{}", info->meta.uid, info->meta.gid, *expected.uid,
                               *expected.gid);
  else
    check = {check.name, "PASS", fmt::format("is {} ({})", expected.source.string(), wanted), check.path};
  return check;
}

Command verify_command() {
  struct State {
    ImageChoice choice;
    std::vector<std::string> expect;
    PlanArguments plan{.recipe = {}, .set = {}, .size = {}, .inputs = PlanArguments::Inputs::as_found};
  };
  auto state = std::make_shared<State>();
  return {.name = "verify",
          .help = "Check that an image is whole and holds the very files it should",
          .options =
              image_choice_options(state->choice, {{"--expect SRC:DEST[:MODE[:UID:GID]]...", &state->expect,
                                                    "DEST in the image must be SRC, byte for byte"},
                                                   {"--recipe RECIPE",
                                                    &state->plan.recipe,
                                                    "A name under recipes/rootfs, such as kata, or a "
                                                    "file: what it puts into an image must be there",
                                                    {.known = known_recipes("rootfs")}},
                                                   {"--recipes DIR",
                                                    &state->plan.recipes,
                                                    "The directory with the recipes (default: recipes/rootfs "
                                                    "of this project)",
                                                    {.needs = "--recipe"}},
                                                   {"--set NAME=PATH...",
                                                    &state->plan.set,
                                                    "The recipe's input NAME must be that file",
                                                    {.needs = "--recipe"}}}),
          .examples = {{"rootfs-builder verify kata.img --expect kata-agent:/usr/bin/kata-agent", ""},
                       {"rootfs-builder verify kata.img --recipe kata",
                        "what the recipe puts there, and programs that could not be started"}},
          .run = [state](Context& context) -> Result<int> {
            CG_TRY(reader, state->choice.open(context));
            std::vector<Check> checks;
            std::optional<Watch> watch(std::in_place, "reading " + state->choice.image, context);
            // A guest would read the file as the edit has left it.
            if (const std::string remark = reader.remark(); !remark.empty()) {
              checks.push_back({"edit", "FAIL", remark});
            } else if (const auto* initrd = reader.as<image::InitrdFiles>()) {
              checks.push_back(check_initrd(initrd->archive()));
            } else {
              checks = {check_layout(reader), check_state(reader)};
              CG_TRY(verity, check_verity(reader));
              if (verity) checks.push_back(*verity);
              if (auto bitmaps = check_bitmaps(reader)) checks.push_back(std::move(*bitmaps));
              CG_TRY(structure, check_structure(reader));
              checks.push_back(std::move(structure));
            }
            for (auto& check : check_loading(reader)) checks.push_back(std::move(check));
            for (const auto& item : state->expect) {
              CG_TRY(expected, image::parse_injection(item));
              CG_TRY(check, check_file(reader, expected));
              checks.push_back(std::move(check));
            }
            if (!state->plan.recipe.empty()) {
              CG_TRY(plan, make_plan(state->plan, context.env));
              CG_TRY(found, check_recipe(reader, std::move(plan)));
              checks.insert(checks.end(), found.begin(), found.end());
            }
            watch.reset();
            const bool failed =
                std::ranges::any_of(checks, [](const Check& check) { return check.verdict == "FAIL"; });
            const bool unknown =
                std::ranges::any_of(checks, [](const Check& check) { return check.verdict == "UNKNOWN"; });
            if (context.options.format == "json") {
              nlohmann::ordered_json json = {{"schema", "criu-guest.image-verify/1"},
                                             {"image", state->choice.image},
                                             {"good", !failed && !unknown}};
              json["checks"] = nlohmann::ordered_json::array();
              for (const auto& check : checks) {
                json["checks"].push_back(
                    {{"name", check.name}, {"verdict", check.verdict}, {"detail", check.detail}});
                if (!check.path.empty()) json["checks"].back()["path"] = check.path;
              }
              context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
            } else {
              for (const auto& check : checks)
                context.env.out << fmt::format("{:<7} {} {}{}{}\n", check.verdict, check.name,
                                               shown(check.path), check.path.empty() ? "" : " ",
                                               shown_lines(check.detail));
            }
            return failed ? exit_no : unknown ? exit_unable : exit_good;
          }};
}

}  // namespace cg
