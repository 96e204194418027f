// inject, replace, remove, mkdir, symlink, chmod and chown: each is a list of changes to one image.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

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
  const image::EditOptions options{
      .partition = arguments.choice.partition,
      .mode = arguments.in_place ? image::EditMode::in_place : image::EditMode::copy,
      .growth = arguments.grow ? image::Growth::as_needed : image::Growth::never,
      .verity = arguments.verity ? image::VerityPolicy::rebuild_likely : image::VerityPolicy::rebuild_certain,
      .source_date_epoch = epoch,
      .initrd = arguments.repack ? image::EditOptions::Initrd::repack : image::EditOptions::Initrd::append,
      .compression = compression,
      .say = [&](const std::string& what) { context.env.err << what << std::endl; }};
  CG_TRY(summary, image::edit(arguments.choice.image, changes, options));
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
      context.env.err << fmt::format("{}: {}: {}{}\n", arguments.choice.image, change.path, change.what,
                                     change.bytes > 0 ? fmt::format(" ({})", human_size(change.bytes)) : "");
  }
  return exit_good;
}

struct Added {
  CLI::App* command;
  Arguments arguments;
};

Added add_edit(CLI::App& app, const char* name, const char* about) {
  auto arguments = std::make_shared<EditArguments>();
  CLI::App* command = app.add_subcommand(name, about);
  add_image_choice(*command, arguments->choice);
  command->add_flag("--in-place", arguments->in_place,
                    "Change the file itself, protected by an undo journal beside it, instead of a copy that "
                    "takes its name");
  command->add_flag("--grow", arguments->grow,
                    "Make file system, partition and file larger when there is no room");
  command->add_flag("--verity", arguments->verity,
                    "Make the dm-verity tree anew also where it is only likely that there is one");
  command->add_flag("--repack", arguments->repack,
                    "Write an initrd anew as one archive, instead of appending one with what changes");
  command->add_option("--compress", arguments->compression,
                      "Of what is written to an initrd: none, gzip, zstd, xz or lzma (default: as it has)");
  return {command, std::move(arguments)};
}

Registered registered(const Added& added, Wishes wishes) {
  return {added.command, [arguments = added.arguments, wishes = std::move(wishes)](Context& context) {
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

void add_force(const Added& added) {
  added.command->add_flag("--force", added.arguments->force,
                          "Put programs in that the image cannot start, and say why it cannot");
}

constexpr const char* injection_name = "SRC:DEST[:MODE[:UID:GID]]";

}  // namespace

void add_edit_commands(CLI::App& app, std::vector<Registered>& commands) {
  auto inject =
      add_edit(app, "inject", "Put files into an existing image; all of them or, if anything fails, none");
  inject.command->add_option(injection_name, inject.arguments->items,
                             "What goes where; MODE is octal, \\: is a colon in a name");
  inject.command
      ->add_option(
          "--modules", inject.arguments->modules,
          "Kernel modules by name, with what they depend on, out of DIR (a /lib/modules/VERSION, or an "
          "unpacked one); modules.dep is made anew for those in the image")
      ->type_name("DIR NAME...")
      ->expected(2, 1000);
  inject.command->add_flag("--with-libs", inject.arguments->with_libs,
                           "Bring the libraries that dynamic programs need and the image lacks, from this "
                           "machine, to where the image's loader looks");
  inject.command
      ->add_option("--libs-from", inject.arguments->libs_from,
                   "The same, from the root file system or the directory of libraries at DIR")
      ->type_name("DIR");
  add_force(inject);
  commands.push_back(registered(inject, injections(image::Injection::Existing::replaced)));

  auto replace = add_edit(
      app, "replace", "Give files of an image other bytes; their names, owners, modes and attributes stay");
  replace.command->add_option(injection_name, replace.arguments->items, "What goes where")->required();
  add_force(replace);
  commands.push_back(registered(replace, injections(image::Injection::Existing::rewritten)));

  auto remove = add_edit(app, "remove", "Take files and directories out of an image");
  remove.command->add_option("PATH", remove.arguments->items, "From the image's root; a symbolic link itself")
      ->required();
  remove.command->add_flag("-r,--recursive", remove.arguments->recursive, "Directories with all below them");
  commands.push_back(registered(
      remove,
      for_each_item([](const EditArguments& arguments, const std::string& item) -> Result<image::Removal> {
        return image::Removal{
            item, arguments.recursive ? image::Removal::Depth::recursive : image::Removal::Depth::single};
      })));

  auto mkdir = add_edit(app, "mkdir", "Make directories in an image, with the missing ones above them");
  mkdir.command->add_option("PATH", mkdir.arguments->items, "From the image's root")->required();
  mkdir.command->add_option("--mode", mkdir.arguments->mode, "Octal; default 755");
  mkdir.command->add_option("--owner", mkdir.arguments->owner, "Default 0:0")->type_name("UID:GID");
  commands.push_back(
      registered(mkdir, for_each_item([](const EditArguments& arguments,
                                         const std::string& item) -> Result<image::NewDirectory> {
                   image::NewDirectory wish{.path = item, .mode = {}, .uid = {}, .gid = {}};
                   if (!arguments.mode.empty()) {
                     CG_TRY(mode, image::parse_mode(arguments.mode));
                     wish.mode = mode;
                   }
                   if (!arguments.owner.empty()) {
                     CG_TRY(owner, image::parse_owner(arguments.owner));
                     wish.uid = owner.uid;
                     wish.gid = owner.gid;
                   }
                   return wish;
                 })));

  auto symlink = add_edit(app, "symlink", "Make symbolic links in an image; one that is there is replaced");
  symlink.command->add_option("TARGET", symlink.arguments->word, "What the link says")->required();
  symlink.command->add_option("PATH", symlink.arguments->items, "Where the link is, from the image's root")
      ->required();
  commands.push_back(registered(
      symlink,
      for_each_item([](const EditArguments& arguments, const std::string& item) -> Result<image::NewSymlink> {
        return image::NewSymlink{.path = item, .target = arguments.word};
      })));

  auto chmod = add_edit(app, "chmod", "Change the permissions of an image's files; links are followed");
  chmod.command->add_option("MODE", chmod.arguments->word, "Octal")->required();
  chmod.command->add_option("PATH", chmod.arguments->items, "From the image's root")->required();
  commands.push_back(registered(
      chmod,
      for_each_item([](const EditArguments& arguments, const std::string& item) -> Result<image::ModeChange> {
        CG_TRY(mode, image::parse_mode(arguments.word));
        return image::ModeChange{item, mode};
      })));

  auto chown = add_edit(app, "chown", "Change the owner of an image's files; links are followed");
  chown.command->add_option("UID:GID", chown.arguments->word, "Numbers")->required();
  chown.command->add_option("PATH", chown.arguments->items, "From the image's root")->required();
  commands.push_back(
      registered(chown, for_each_item([](const EditArguments& arguments,
                                         const std::string& item) -> Result<image::OwnerChange> {
                   CG_TRY(owner, image::parse_owner(arguments.word));
                   return image::OwnerChange{item, owner.uid, owner.gid};
                 })));
}

}  // namespace cg
