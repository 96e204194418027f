// The file systems and archives that images are made of. All that is asked of one stands in its row of the
// table in formats.cpp: what it is called, how it is read, made, changed and checked. So another one is a
// folder beside ext4/, and a row.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/disk/layout.h"
#include "image/options/edit_options.h"
#include "image/options/image_options.h"
#include "image/tree/editor.h"
#include "image/tree/image_files.h"

namespace cg::image {

// A file system in a frame, by the word that the command line and recipes have for it: "kata-dax".
struct Form {
  std::string_view name;
  FrameKind frame;
};

// Where in an open file a file system lies.
struct Volume {
  Window& window;
  int fd;
  std::uint64_t offset;
};

struct Checker {
  std::string_view command;  // as it is named in messages
  const char* program;
  const char* package;
  // What it has found; "": nothing. Cannot: the program is not there.
  Result<std::string> (*run)(const Volume& volume);
};

struct Format {
  ContentKind content;     // what its bytes look like: the signatures of disk/layout
  std::string_view names;  // of what is read, for messages; "": never a part of a disk
  std::vector<Form> forms;  // that can be made: by `filling`, where it is ext4, else by write() or write_tree()

  Result<std::unique_ptr<ImageFiles>> (*open)(const Volume& volume);
  // nullptr: it is read-only.
  Result<EditSummary> (*edit)(const EditTarget& target, const std::vector<Change>& changes,
                              std::vector<SourceFile>& sources, const EditOptions& options);
  // Where the bytes of a new one are while it is filled: where they stay; beside it, until write_tree()
  // writes all; in an ext4 image, out of which write() makes this one.
  enum class Filling { in_place, beside, between } filling;
  Result<Summary> (*write_tree)(const Tree& tree, Device& blocks, int fd, const std::string& name,
                                const ImageOptions& options);
  // Makes one of the files of an image; nullptr: they are put into a new one, file by file.
  Result<Summary> (*write)(const ImageFiles& image, const std::filesystem::path& destination,
                           const ImageOptions& options);
  // Takes --size, --journal and --inodes; else it is as large as its files need.
  bool has_plan;
  Result<void> (*check_compression)(const std::string& name);  // nullptr: it has none
  std::optional<Checker> checker;
};

const Format* format_of(ContentKind content);  // nullptr: none that is read here

struct NamedForm {
  ContentKind file_system;
  FrameKind frame;
};
Result<NamedForm> parse_form(std::string_view text);
std::vector<std::string> form_names();
// Usage error: what the form in the options does not have, such as a partition for a dm-verity tree.
Result<void> check_options(const ImageOptions& options);

// Part of a file that holds a file system or an archive that is read here. Without `partition` the only one;
// refused, with what is there instead, when there is none or more than one.
Result<Place> find_file_system(const DiskLayout& layout, std::optional<unsigned> partition,
                               const std::string& name);
// The same for an edit: what is read-only is refused, with what to do.
Result<Place> find_editable(const DiskLayout& layout, std::optional<unsigned> partition,
                            const std::string& name);

}  // namespace cg::image
