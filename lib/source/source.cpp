#include "source/source.h"

#include <algorithm>

#include "base/text.h"

namespace cg {
namespace {

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// One path component that can be part of a cache path, a pool URL and an argument of apt-get.
bool is_plain_name(std::string_view text) {
  return !text.empty() && !text.starts_with('.') && !text.starts_with('-') &&
         text.find_first_of("/ \t\n\\'\"") == std::string_view::npos;
}

std::string last_component(std::string_view text) {
  text = text.substr(0, text.find_first_of("?#"));
  const std::size_t slash = text.rfind('/');
  return std::string(slash == std::string_view::npos ? text : text.substr(slash + 1));
}

void read_hash(TomlReader& reader, Source& source) {
  source.sha256 = reader.required_string("sha256");
  if (!is_sha256(source.sha256))
    reader.fail("sha256", "not a SHA-256: 64 lower-case hexadecimal digits are required");
}

void read_file_name(TomlReader& reader, Source& source) {
  if (!is_plain_name(source_file_name(source)))
    reader.fail("file", "'" + source_file_name(source) + "' is no plain file name");
}

void read_package(TomlReader& reader, Source& source) {
  source.package = reader.required_string("package");
  if (!is_plain_name(source.package)) reader.fail("package", "not a package name");
}

// "trixie-backports": a word of apt's list of sources.
void read_suite(TomlReader& reader, Source& source) {
  source.suite = reader.string("suite");
  if (!source.suite.empty() && !is_plain_name(source.suite)) reader.fail("suite", "not the name of a suite");
}

Result<Source> read_source(const TomlNode& table, const std::string& file) {
  TomlReader reader(table, file);
  Source source;
  const std::string kind = reader.required_string("kind");
  source.file = reader.string("file");
  source.version = reader.string("version");
  if (kind == "url") {
    reader.only({"kind", "url", "sha256", "file", "version"});
    source.kind = SourceKind::url;
    source.url = reader.required_string("url");
    if (!source.url.starts_with("https://") && !source.url.starts_with("http://") &&
        !source.url.starts_with("file://"))
      reader.fail("url", "only http://, https:// and file:// are known");
    read_hash(reader, source);
  } else if (kind == "debian_source") {
    reader.only({"kind", "package", "sha256", "file", "version"});
    source.kind = SourceKind::debian_source;
    read_package(reader, source);
    source.file = reader.required_string("file");
    read_hash(reader, source);
  } else if (kind == "debian_package") {
    reader.only({"kind", "package", "suite", "unpacked", "file", "version_pattern"});
    source.kind = SourceKind::debian_package;
    read_package(reader, source);
    read_suite(reader, source);
    source.unpacked = reader.required_string("unpacked");
    source.version_pattern = reader.string("version_pattern");
  } else if (!kind.empty()) {
    const std::vector<std::string> kinds{"url", "debian_source", "debian_package"};
    const std::string hint = did_you_mean(kind, kinds);
    reader.fail("kind",
                "'" + kind + "' is unknown" + (hint.empty() ? " (known: " + join(kinds, ", ") + ")" : hint));
  }
  CG_CHECK(reader.error());
  read_file_name(reader, source);
  CG_CHECK(reader.error());
  return source;
}

}  // namespace

std::string source_file_name(const Source& source) {
  if (!source.file.empty()) return source.file;
  return last_component(source.kind == SourceKind::debian_package ? source.unpacked : source.url);
}

Result<SourceList> read_sources(const TomlNode& recipe, const std::string& file) {
  TomlReader reader(recipe, file);
  SourceList list;
  list.name = reader.required_string("name");
  list.version = reader.required_string("version");
  const auto tables = reader.tables("source");
  if (tables.empty()) reader.fail("source", "at least one [[source]] is required");
  CG_CHECK(reader.error());
  for (const TomlNode* table : tables) {
    CG_TRY(source, read_source(*table, file));
    list.sources.push_back(std::move(source));
  }
  return list;
}

}  // namespace cg
