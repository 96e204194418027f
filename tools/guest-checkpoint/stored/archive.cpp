#include "stored/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "stored/record.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view images_folder = "checkpoint/";

// ---- writing

struct Sink {
  std::function<Result<void>(std::string_view)> put;
  std::uint64_t bytes = 0;
  std::optional<Error> error;
};

la_ssize_t put_into_sink(archive* writer, void* data, const void* buffer, std::size_t size) {
  Sink& sink = *static_cast<Sink*>(data);
  if (auto done = sink.put({static_cast<const char*>(buffer), size}); !done) {
    sink.error = std::move(done.error());
    archive_set_error(writer, EIO, "%s", sink.error->message.c_str());
    return -1;
  }
  sink.bytes += size;
  return static_cast<la_ssize_t>(size);
}

class Writer {
 public:
  Writer(Sink& sink, std::string_view name) : sink_(sink), archive_(archive_write_new(), archive_write_free) {
    archive_write_set_format_pax_restricted(archive_.get());
    if (name.ends_with(".zst"))
      archive_write_add_filter_zstd(archive_.get());
    else if (name.ends_with(".gz") || name.ends_with(".tgz"))
      archive_write_add_filter_gzip(archive_.get());
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
  }
  Result<void> open() {
    return check(archive_write_open(archive_.get(), &sink_, nullptr, put_into_sink, nullptr));
  }
  Result<void> add_text(const std::string& name, const std::string& text) {
    CG_CHECK(header(name, AE_IFREG, 0600, static_cast<la_int64_t>(text.size()), ""));
    return data(text);
  }
  Result<void> add_file(const fs::path& file, const std::string& name);
  // All below `directory`, in the order of the names.
  Result<void> add_folder(const fs::path& directory, const std::string& name);
  Result<void> close() { return check(archive_write_close(archive_.get())); }

 private:
  Result<void> check(la_ssize_t result) {
    if (result >= ARCHIVE_WARN) return {};
    if (sink_.error) return std::unexpected(*sink_.error);
    const char* const text = archive_error_string(archive_.get());
    return cannot(fmt::format("writing the archive: {}", text ? text : "it failed"));
  }
  Result<void> header(const std::string& name, unsigned type, unsigned mode, la_int64_t size,
                      const std::string& target) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_size(entry.get(), size);
    if (!target.empty()) archive_entry_set_symlink(entry.get(), target.c_str());
    return check(archive_write_header(archive_.get(), entry.get()));
  }
  Result<void> data(std::string_view bytes) {
    while (!bytes.empty()) {
      const la_ssize_t put = archive_write_data(archive_.get(), bytes.data(), bytes.size());
      CG_CHECK(check(put));
      if (put == 0) return cannot("writing the archive: a file grew meanwhile");
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  Sink& sink_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

Result<void> Writer::add_file(const fs::path& file, const std::string& name) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return cannot_errno(file.string(), errno);
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  if (size < 0 || lseek(fd.get(), 0, SEEK_SET) != 0) return cannot_errno(file.string(), errno);
  CG_CHECK(header(name, AE_IFREG, 0600, size, ""));
  std::string buffer(1 << 20, 0);
  for (off_t left = size; left > 0;) {
    const ssize_t got =
        read(fd.get(), buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(left)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_errno(file.string(), errno);
    if (got == 0) return cannot(file.string() + ": shrank while it was read");
    CG_CHECK(data(std::string_view(buffer).substr(0, static_cast<std::size_t>(got))));
    left -= got;
  }
  return {};
}

Result<void> Writer::add_folder(const fs::path& directory, const std::string& name) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entries(directory, error), end; !error && entries != end;
       entries.increment(error))
    paths.push_back(entries->path());
  if (error) return cannot(directory.string() + ": " + error.message());
  std::ranges::sort(paths);
  CG_CHECK(header(name, AE_IFDIR, 0700, 0, ""));
  for (const auto& path : paths) {
    const std::string inside = name + path.filename().string();
    const auto status = fs::symlink_status(path, error);
    if (fs::is_symlink(status)) {
      CG_CHECK(header(inside, AE_IFLNK, 0777, 0, fs::read_symlink(path, error).string()));
    } else if (fs::is_directory(status)) {
      CG_CHECK(add_folder(path, inside + "/"));
    } else if (fs::is_regular_file(status)) {
      CG_CHECK(add_file(path, inside));
    }
  }
  return {};
}

// What checkpointctl's library names ContainerConfig.
std::string config_dump(const Record& record) {
  const std::string id = record.container.empty() ? fmt::format("process-{}", record.pid) : record.container;
  return Json{{"id", id},
              {"name", id},
              {"runtime", record.container.empty() ? "none" : "runc"},
              {"createdTime", record.created},
              {"checkpointedTime", record.created},
              {"restoredTime", "0001-01-01T00:00:00Z"},
              {"restored", false}}
             .dump(1) +
         "\n";
}

// The container's own spec, or one that says the least; with who manages it, which checkpointctl asks for.
std::string spec_dump(const Record& record) {
  Json spec = Json::object();
  if (!record.bundle.empty())
    if (const auto text = read_file(fs::path(record.bundle) / "config.json", 16 << 20)) {
      Json own = Json::parse(*text, nullptr, false);
      if (own.is_object()) spec = std::move(own);
    }
  if (!spec.contains("ociVersion")) spec["ociVersion"] = "1.0.2";
  if (!spec.contains("annotations") || !spec["annotations"].is_object()) spec["annotations"] = Json::object();
  auto& annotations = spec["annotations"];
  if (!annotations.contains("io.container.manager")) annotations["io.container.manager"] = "libpod";
  annotations["org.criu.checkpoint.criu.version"] = record.criu;
  annotations["org.criu.checkpoint.host.kernel"] = record.kernel;
  annotations["org.criu.checkpoint.container.name"] = record.target;
  return spec.dump(1) + "\n";
}

Result<void> write_all_of(Writer& writer, const fs::path& directory, const Record& record) {
  CG_CHECK(writer.open());
  CG_CHECK(writer.add_text("config.dump", config_dump(record)));
  CG_CHECK(writer.add_text("spec.dump", spec_dump(record)));
  std::error_code none;
  for (const char* name : {"dump.log", "stats-dump"})
    if (fs::exists(directory / name, none)) CG_CHECK(writer.add_file(directory / name, name));
  CG_CHECK(writer.add_folder(directory, std::string(images_folder)));
  return writer.close();
}

// ---- reading

// The path below the images' folder: words of ordinary letters between single slashes; nullopt: not of them.
std::optional<std::string> inside_images(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  if (!name.starts_with(images_folder)) return std::nullopt;
  name.remove_prefix(images_folder.size());
  while (name.ends_with('/')) name.remove_suffix(1);
  return std::string(name);
}

bool is_plain_path(const std::string& path) {
  return std::ranges::none_of(
      split(path, '/'), [](const std::string& word) { return word.empty() || word == "." || word == ".."; });
}

}  // namespace

Result<std::uint64_t> write_archive(const fs::path& directory, const std::string& file, Environment& env) {
  CG_TRY(found, load_record(directory));
  const Record record = found.value_or(Record{});
  Sink sink;
  if (file == "-") {
    sink.put = [&](std::string_view bytes) -> Result<void> {
      env.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      if (!env.out) return cannot("writing standard output failed");
      return {};
    };
    Writer writer(sink, file);
    CG_CHECK(write_all_of(writer, directory, record));
    return sink.bytes;
  }
  CG_TRY(out, AtomicFile::create(file, 0600));
  sink.put = [&](std::string_view bytes) { return out.write(bytes); };
  Writer writer(sink, file);
  CG_CHECK(write_all_of(writer, directory, record));
  CG_CHECK(out.commit());
  return sink.bytes;
}

Result<void> unpack_archive(const std::string& file, const fs::path& directory) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_filter_none(reader.get());
  const auto trouble = [&] {
    const char* const text = archive_error_string(reader.get());
    return fmt::format("{}: {}", file, text ? text : "cannot be read");
  };
  const UniqueFd in(file == "-" ? dup(0) : open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return cannot_errno(file, errno);
  if (archive_read_open_fd(reader.get(), in.get(), 1 << 16) != ARCHIVE_OK) return refused(trouble());
  std::size_t files = 0;
  for (archive_entry* entry = nullptr;;) {
    const int got = archive_read_next_header(reader.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return refused(trouble());
    const char* const raw = archive_entry_pathname(entry);
    const auto inside = inside_images(raw ? raw : "");
    if (!inside || inside->empty()) continue;
    if (!is_plain_path(*inside)) return refused(fmt::format("{}: the name {} leads out of it", file, raw));
    const fs::path path = directory / *inside;
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) {
      CG_CHECK(make_directories(path));
      continue;
    }
    if (type == AE_IFLNK) {
      // "parent" leads to the images of a pre-dump, beside or below.
      const char* const target = archive_entry_symlink(entry);
      if (path.filename() != "parent" || !target || !is_plain_path(target))
        return refused(
            fmt::format("{}: {} is a link; only `parent` may be one, to a folder beside it", file, raw));
      if (symlink(target, path.c_str()) != 0) return cannot_errno(path.string(), errno);
      continue;
    }
    if (type != AE_IFREG || archive_entry_hardlink(entry))
      return refused(fmt::format("{}: {} is neither a file nor a folder", file, raw));
    CG_CHECK(make_directories(path.parent_path()));
    const UniqueFd out(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return cannot_errno(path.string(), errno);
    if (archive_read_data_into_fd(reader.get(), out.get()) != ARCHIVE_OK) return cannot(trouble());
    ++files;
  }
  if (files == 0) return refused(fmt::format("{}: no images lie below checkpoint/ in it", file));
  return {};
}

}  // namespace cg::checkpoint
