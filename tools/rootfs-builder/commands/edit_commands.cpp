// inject, replace, remove, mkdir, symlink, chmod and chown: each is a list of changes to one image.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/cli/watch.h"
#include "base/shown.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_choice.h"
#include "image/edit.h"
#include "programs/image_tree.h"
#include "recipe/kernel_modules.h"
#include "recipe/program_gate.h"

namespace cg {
namespace {

using image::Change;

struct EditArguments {
  ImageChoice choice;
  bool in_place = false;
  bool grow = false;
  bool verity = false;
  bool repack = false;
  std::string compression;
  std::vector<std::string> items;
  std::string word;  // MODE, UID:GID or TARGET
  std::string mode;
  std::string owner;
  bool recursive = false;
  bool force = false;
  bool with_libs = false;
  std::string libs_from;
  std::vector<std::string> modules;  // a directory, then names
};
using Arguments = std::shared_ptr<EditArguments>;
// What the words after the image mean.
using Wishes = std::function<Result<std::vector<Change>>(const EditArguments&)>;

// Programs among the injections must be ones that the image can start; what that takes goes in before them.
Result<void> prepare_programs(const EditArguments& arguments, std::vector<Change>& changes,
                              Context& context) {
  CG_TRY(programs, has_programs(changes));
  if (!programs) return {};
  CG_TRY(reader, arguments.choice.open(context));
  ProgramPolicy policy{.force = arguments.force, .libraries = {}};
  if (arguments.with_libs || !arguments.libs_from.empty())
    policy.libraries = LibrarySource{arguments.libs_from};
  CG_TRY(more, admit_programs(ImageTree(reader), changes, policy, context.env.err));
  changes.insert(changes.begin(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return {};
}

// The modules that are asked for, as files that go in. What is returned has to live until they are in.
Result<std::optional<ModuleSet>> prepare_modules(const EditArguments& arguments, std::vector<Change>& changes,
                                                 Context& context) {
  if (arguments.modules.empty()) return std::nullopt;
  for (const auto& name : arguments.modules)
    if (name.contains(":/"))
      return usage_error(fmt::format("--modules: '{}' is no module; SRC:DEST stands before --modules", name));
  CG_TRY(reader, arguments.choice.open(context));
  CG_TRY(set, select_modules({arguments.modules[0], {arguments.modules.begin() + 1, arguments.modules.end()}},
                             ImageTree(reader), context.env));
  for (const auto* files : {&set.modules, &set.indexes})
    for (const auto& file : *files)
      changes.emplace_back(image::Injection{
          .source = file.source, .destination = file.destination, .mode = 0644, .uid = 0, .gid = 0});
  if (!context.options.quiet)
    for (const auto& name : set.builtin)
      context.env.err << fmt::format("{}: module {} is built into Linux {}\n", arguments.choice.image, name,
                                     set.version);
  return set;
}

Result<int> run_edit(const EditArguments& arguments, const Wishes& wishes, Context& context) {
  CG_TRY(changes, wishes(arguments));
  CG_TRY(modules, prepare_modules(arguments, changes, context));
  if (changes.empty() && modules) return exit_good;  // all are built in
  CG_CHECK(prepare_programs(arguments, changes, context));
  CG_TRY(epoch, source_date_epoch(context.env));
  std::optional<image::Compression> compression;
  if (!arguments.compression.empty()) {
    CG_TRY(parsed, image::parse_compression(arguments.compression));
    compression = parsed;
  }
  std::optional<Watch> watch(std::in_place, "changing " + arguments.choice.image, context);
  const image::EditOptions options{
      .partition = arguments.choice.partition,
      .mode = arguments.in_place ? image::EditMode::in_place : image::EditMode::copy,
      .growth = arguments.grow ? image::Growth::as_needed : image::Growth::never,
      .verity = arguments.verity ? image::VerityPolicy::rebuild_likely : image::VerityPolicy::rebuild_certain,
      .source_date_epoch = epoch,
      .initrd = arguments.repack ? image::EditOptions::Initrd::repack : image::EditOptions::Initrd::append,
      .compression = compression,
      .say = [&](const std::string& what) { watch->say(what); }};
  CG_TRY(summary, image::edit(arguments.choice.image, changes, options));
  watch.reset();
  CG_CHECK(write_root_hash(arguments.choice.image, summary.verity));
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.image-edit/1"},
                                   {"image", arguments.choice.image},
                                   {"grown_bytes", summary.grown_bytes}};
    json["changes"] = nlohmann::ordered_json::array();
    for (const auto& change : summary.changes)
      json["changes"].push_back({{"path", change.path}, {"what", change.what}, {"bytes", change.bytes}});
    if (summary.verity)
      json["verity"] = {{"root_hash", summary.verity->root_hash},
                        {"salt", summary.verity->salt},
                        {"data_blocks", summary.verity->data_blocks}};
    context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else if (!context.options.quiet) {
    if (summary.grown_bytes > 0)
      context.env.err << fmt::format("{}: grown by {}\n", arguments.choice.image,
                                     human_size(summary.grown_bytes));
    if (summary.verity)
      context.env.err << fmt::format("{}: new root hash {}\n", arguments.choice.image,
                                     summary.verity->root_hash);
    for (const auto& change : summary.changes)
      context.env.err << fmt::format("{}: {}: {}{}\n", arguments.choice.image, shown(change.path),
                                     shown(change.what),
                                     change.bytes > 0 ? fmt::format(" ({})", human_size(change.bytes)) : "");
  }
  return exit_good;
}

// A command with the options that all of them have, then its own; the words at their places come first.
Command edit_command(const char* name, const char* help, const Arguments& arguments, std::vector<Option> own,
                     Wishes wishes, Example example) {
  own.insert(
      own.end(),
      {{"--in-place", &arguments->in_place,
        "Change the file itself, protected by an undo journal beside it, instead of a copy that takes "
        "its name"},
       {"--grow", &arguments->grow, "Make file system, partition and file larger when there is no room"},
       {"--verity", &arguments->verity,
        "Make the dm-verity tree anew also where it is only likely that there is one"},
       {"--repack", &arguments->repack,
        "Write an initrd anew as one archive, instead of appending one with what changes"},
       {"--compress NAME", &arguments->compression,
        "Of what is written to an initrd: none, gzip, zstd, xz or lzma (default: as it has)"}});
  return {.name = name,
          .help = help,
          .options = image_choice_options(arguments->choice, std::move(own)),
          .examples = {std::move(example)},
          .run = [arguments, wishes = std::move(wishes)](Context& context) {
            return run_edit(*arguments, wishes, context);
          }};
}

Wishes injections(image::Injection::Existing existing) {
  return [existing](const EditArguments& arguments) -> Result<std::vector<Change>> {
    if (arguments.items.empty() && arguments.modules.empty())
      return usage_error("inject: nothing to inject; give SRC:DEST, or --modules DIR NAME");
    std::vector<Change> changes;
    for (const auto& item : arguments.items) {
      CG_TRY(injection, image::parse_injection(item));
      injection.existing = existing;
      changes.emplace_back(std::move(injection));
    }
    return changes;
  };
}

// One change of a kind for each item.
template <class Make>
Wishes for_each_item(Make make) {
  return [make](const EditArguments& arguments) -> Result<std::vector<Change>> {
    std::vector<Change> changes;
    for (const auto& item : arguments.items) {
      CG_TRY(change, make(arguments, item));
      changes.emplace_back(std::move(change));
    }
    return changes;
  };
}

Option force_option(EditArguments& arguments) {
  return {"--force", &arguments.force, "Put programs in that the image cannot start, and say why it cannot"};
}

Option paths_option(EditArguments& arguments, const char* help) {
  return {"PATH", &arguments.items, help, {.required = true}};
}

constexpr const char* injection_name = "SRC:DEST[:MODE[:UID:GID]]";

Command inject_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "inject", "Put files into an existing image; all of them or, if anything fails, none", arguments,
      {{injection_name, &arguments->items, "What goes where; MODE is octal, \\: is a colon in a name"},
       {"--modules DIR NAME...",
        &arguments->modules,
        "Kernel modules by name, with what they depend on, out of DIR (a /lib/modules/VERSION, or an "
        "unpacked "
        "one); modules.dep is made anew for those in the image",
        {.least_values = 2}},
       {"--with-libs", &arguments->with_libs,
        "Bring the libraries that dynamic programs need and the image lacks, from this machine, to "
        "where the "
        "image's loader looks"},
       {"--libs-from DIR", &arguments->libs_from,
        "The same, from the root file system or the directory of libraries at DIR"},
       force_option(*arguments)},
      injections(image::Injection::Existing::replaced),
      {"rootfs-builder inject kata.img criu:/usr/sbin/criu:755", "also into an initrd, by appending"});
}

Command replace_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "replace", "Give files of an image other bytes; their names, owners, modes and attributes stay",
      arguments,
      {{injection_name, &arguments->items, "What goes where", {.required = true}}, force_option(*arguments)},
      injections(image::Injection::Existing::rewritten),
      {"rootfs-builder replace kata.img kata-agent:/usr/bin/kata-agent", ""});
}

Command remove_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "remove", "Take files and directories out of an image", arguments,
      {paths_option(*arguments, "From the image's root; a symbolic link itself"),
       {"-r,--recursive", &arguments->recursive, "Directories with all below them"}},
      for_each_item([](const EditArguments& given, const std::string& item) -> Result<image::Removal> {
        return image::Removal{
            item, given.recursive ? image::Removal::Depth::recursive : image::Removal::Depth::single};
      }),
      {"rootfs-builder remove kata.img /usr/share/doc -r", ""});
}

Command mkdir_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "mkdir", "Make directories in an image, with the missing ones above them", arguments,
      {paths_option(*arguments, "From the image's root"),
       {"--mode MODE", &arguments->mode, "Octal; default 755"},
       {"--owner UID:GID", &arguments->owner, "Default 0:0"}},
      for_each_item([](const EditArguments& given, const std::string& item) -> Result<image::NewDirectory> {
        image::NewDirectory wish{.path = item, .mode = {}, .uid = {}, .gid = {}};
        if (!given.mode.empty()) {
          CG_TRY(mode, image::parse_mode(given.mode));
          wish.mode = mode;
        }
        if (!given.owner.empty()) {
          CG_TRY(owner, image::parse_owner(given.owner));
          wish.uid = owner.uid;
          wish.gid = owner.gid;
        }
        return wish;
      }),
      {"rootfs-builder mkdir kata.img /var/lib/criu --mode 700", ""});
}

Command symlink_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "symlink", "Make symbolic links in an image; one that is there is replaced", arguments,
      {{"TARGET", &arguments->word, "What the link says", {.required = true}},
       paths_option(*arguments, "Where the link is, from the image's root")},
      for_each_item([](const EditArguments& given, const std::string& item) -> Result<image::NewSymlink> {
        return image::NewSymlink{.path = item, .target = given.word};
      }),
      {"rootfs-builder symlink kata.img usr/sbin/init /init", ""});
}

Command chmod_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "chmod", "Change the permissions of an image's files; links are followed", arguments,
      {{"MODE", &arguments->word, "Octal", {.required = true}},
       paths_option(*arguments, "From the image's root")},
      for_each_item([](const EditArguments& given, const std::string& item) -> Result<image::ModeChange> {
        CG_TRY(mode, image::parse_mode(given.word));
        return image::ModeChange{item, mode};
      }),
      {"rootfs-builder chmod kata.img 4755 /usr/bin/su", ""});
}

Command chown_command() {
  const auto arguments = std::make_shared<EditArguments>();
  return edit_command(
      "chown", "Change the owner of an image's files; links are followed", arguments,
      {{"UID:GID", &arguments->word, "Numbers", {.required = true}},
       paths_option(*arguments, "From the image's root")},
      for_each_item([](const EditArguments& given, const std::string& item) -> Result<image::OwnerChange> {
        CG_TRY(owner, image::parse_owner(given.word));
        return image::OwnerChange{item, owner.uid, owner.gid};
      }),
      {"rootfs-builder chown kata.img 0:0 /etc/shadow", ""});
}

}  // namespace

std::vector<Command> edit_commands() {
  return {inject_command(),  replace_command(), remove_command(), mkdir_command(),
          symlink_command(), chmod_command(),   chown_command()};
}

}  // namespace cg
