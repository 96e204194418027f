# How a folder becomes a target. A new source file needs no line here: the folder is the list.

add_library(cg_options INTERFACE)
target_include_directories(cg_options INTERFACE ${CMAKE_SOURCE_DIR}/lib)
target_compile_options(cg_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false alarms of gcc 12 on std::string (gcc bug 105651)
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>  # inside libstdc++ 12, seen from clang 19
  -Wno-missing-field-initializers)  # designated initializers leave the rest at its default on purpose
target_compile_definitions(cg_options INTERFACE CG_VERSION="${PROJECT_VERSION}")
if(CG_SANITIZE)
  target_compile_options(cg_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(cg_options INTERFACE -fsanitize=address,undefined)
endif()
if(CG_FUZZ)  # everything a fuzzer calls reports its branches to libFuzzer
  target_compile_options(cg_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Newer versions of fmt declare other templates extern: there the header alone has to do.
if(fmt_VERSION VERSION_LESS 10)
  add_library(cg_fmt STATIC ${CMAKE_CURRENT_LIST_DIR}/fmt.cpp)
else()
  add_library(cg_fmt INTERFACE)
  target_link_libraries(cg_fmt INTERFACE fmt::fmt-header-only)
endif()

# What only tests compile is compiled fast rather than to run fast: most of the time of `make check` goes there.
function(cg_compiled_fast target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
endfunction()

# cg_precompiled(TARGET library|test): with CG_PRECOMPILED the target's files see the headers that most of them include
# anyway already compiled: one set for lib, tools and demo, and one with GoogleTest. Every file still includes what it
# uses: other builds have no precompiled headers.
function(cg_precompiled target kind)
  if(NOT CG_PRECOMPILED)
    return()
  endif()
  set(from cg_precompiled_${kind})
  if(NOT TARGET ${from})
    file(WRITE ${CMAKE_BINARY_DIR}/${from}.cpp "")
    add_library(${from} OBJECT ${CMAKE_BINARY_DIR}/${from}.cpp)
    target_link_libraries(${from} PRIVATE cg_options cg_fmt)
    set(headers <algorithm> <array> <chrono> <expected> <filesystem> <functional> <iterator> <map> <memory> <optional>
      <ostream> <set> <span> <sstream> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>
      <nlohmann/json.hpp>)
    if(kind STREQUAL test)
      list(APPEND headers <fstream> <gtest/gtest.h>)
      # What it defines is a part of what was compiled: files that see it otherwise do without.
      target_link_libraries(${from} PRIVATE GTest::gtest)
      cg_compiled_fast(${from})
    endif()
    target_precompile_headers(${from} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${from})
endfunction()

# cg_library(NAME DEPS…): lib/NAME/*.cpp and those of its folders -> static library cg_NAME.
function(cg_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(sources)
    add_library(cg_${name} STATIC ${sources})
    target_link_libraries(cg_${name} PUBLIC cg_options cg_fmt ${ARGN})
    cg_precompiled(cg_${name} library)
  endif()
endfunction()

# cg_compile_in(TARGET FILE): FILE.toml becomes a table of TARGET that base/toml/toml_node.h describes. A build for another
# machine takes the toml-tables of this one: -DCG_TOML_TABLES=PATH.
set(CG_TOML_TABLES "" CACHE FILEPATH "toml-tables of the machine that builds, where it is not the one built for")
function(cg_compile_in target file)
  if(NOT CG_TOML_TABLES AND NOT TARGET toml-tables)
    add_executable(toml-tables ${CMAKE_SOURCE_DIR}/cmake/toml_tables.cpp)
    target_link_libraries(toml-tables PRIVATE cg_base)
  endif()
  set(program ${CG_TOML_TABLES})
  if(NOT program)
    set(program toml-tables)
  endif()
  cmake_path(GET file STEM stem)
  string(REPLACE - _ name ${stem})
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  add_custom_command(OUTPUT ${made} COMMAND ${program} ${file} ${name} > ${made} DEPENDS ${program} ${file}
    COMMENT "Tables of ${stem}.toml" VERBATIM)
  target_sources(${target} PRIVATE ${made})
endfunction()

# cg_compile_in_requirements(TARGET DIR): each NAME.toml there, and a list of them: lib/criu/builtin_data.h.
function(cg_compile_in_requirements target directory)
  file(GLOB files CONFIGURE_DEPENDS ${directory}/*.toml)
  set(declared "")
  set(rows "")
  foreach(file ${files})
    cmake_path(GET file STEM stem)
    string(REPLACE - _ name ${stem})
    cg_compile_in(${target} ${file})
    string(APPEND declared "extern const TomlNode ${name}[];\n")
    string(APPEND rows "  {\"${stem}\", ${name}},\n")
  endforeach()
  list(LENGTH files count)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/requirement_tables.cpp)
  file(CONFIGURE OUTPUT ${made} CONTENT "#include \"criu/builtin_data.h\"\nnamespace cg::data {\n${declared}\
const RequirementTable requirement_tables[] = {\n${rows}};\n\
const std::size_t requirement_table_count = ${count};\n}\n" @ONLY)
  target_sources(${target} PRIVATE ${made})
endfunction()

# cg_protobuf(TARGET FILE): NAME.proto becomes NAME.pb.h and its code in TARGET, which alone sees them.
function(cg_protobuf target file)
  cmake_path(GET file STEM stem)
  cmake_path(GET file PARENT_PATH folder)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/protobuf/${stem}.pb.cc ${CMAKE_CURRENT_BINARY_DIR}/protobuf/${stem}.pb.h)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/protobuf)
  add_custom_command(OUTPUT ${made} COMMAND ${CG_PROTOC} --cpp_out=${CMAKE_CURRENT_BINARY_DIR}/protobuf -I ${folder} ${file}
    DEPENDS ${file} COMMENT "Code of ${stem}.proto" VERBATIM)
  set_source_files_properties(${made} PROPERTIES COMPILE_OPTIONS -w SKIP_PRECOMPILE_HEADERS ON)  # not our lines
  target_sources(${target} PRIVATE ${made})
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/protobuf)
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF)
endfunction()

# cg_tool(NAME DEPS…): tools/NAME/**/*.cpp but main.cpp -> library NAME_tool, so that tests run it in process;
# main.cpp -> the program.
function(cg_tool name)
  set(dir ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "${dir}/(main\\.cpp|guest/)")
  if(sources)
    add_library(${name}_tool STATIC ${sources})
    target_include_directories(${name}_tool PUBLIC ${dir})
    target_link_libraries(${name}_tool PUBLIC cg_options ${ARGN})
    cg_precompiled(${name}_tool library)
    add_executable(${name} ${dir}/main.cpp)
    target_link_libraries(${name} PRIVATE ${name}_tool)
    install(TARGETS ${name} RUNTIME DESTINATION bin)
  endif()
endfunction()

# cg_manual_pages(TOOL…): the manual pages and the completions of the tools, made of what each says of its command line, in
# manual/ of the build tree. A build for another machine cannot ask the tools that it makes, and leaves them out.
function(cg_manual_pages)
  if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    message(STATUS "No manual pages and completions: the tools of another machine do not run here")
    add_custom_target(manual)
    return()
  endif()
  add_executable(manual-pages ${CMAKE_SOURCE_DIR}/cmake/manual_pages.cpp)
  target_link_libraries(manual-pages PRIVATE cg_manual)
  # The names of the recipes are words of the tools.
  file(GLOB recipes CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/recipes/*/*.toml)
  set(described)
  foreach(tool ${ARGN})
    set(made ${CMAKE_BINARY_DIR}/manual/description/${tool}.json)
    add_custom_command(OUTPUT ${made} COMMAND ${tool} help --format json > ${made} DEPENDS ${tool} ${recipes}
      COMMENT "What ${tool} says of its command line" VERBATIM)
    list(APPEND described ${made})
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/manual/description)
  set(share ${CMAKE_BINARY_DIR}/manual/share)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/manual/made
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${share}
    COMMAND manual-pages ${share} ${CG_VERSION_DATE} ${described}
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/manual/made
    DEPENDS manual-pages ${described} COMMENT "Manual pages and completions" VERBATIM)
  add_custom_target(manual ALL DEPENDS ${CMAKE_BINARY_DIR}/manual/made)
  install(DIRECTORY ${share}/ DESTINATION share OPTIONAL)
endfunction()

# A program that runs in a guest of any distribution: static, unless a sanitizer forbids it.
function(cg_static name)
  if(NOT CG_SANITIZE)
    target_link_options(${name} PRIVATE -static -Wl,--gc-sections $<$<CONFIG:Release>:-s>)
  endif()
endfunction()

# cg_test_support(NAME DIR DEPS…): DIR/*.cpp, what several test programs share -> a library.
function(cg_test_support name dir)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC cg_options ${ARGN} GTest::gtest)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE CG_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CG_BINARY_DIR="${CMAKE_BINARY_DIR}")
  cg_compiled_fast(${name})
  cg_precompiled(${name} test)
endfunction()

# cg_test(NAME LABEL DIR DEPS…): DIR/*_test.cpp -> one GoogleTest program, its cases found by CTest.
function(cg_test name label dir)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  if(sources)
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE cg_options ${ARGN} GTest::gtest GTest::gtest_main)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${name} PRIVATE CG_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CG_BINARY_DIR="${CMAKE_BINARY_DIR}")
    cg_compiled_fast(${name})
    cg_precompiled(${name} test)
    set(limit 600)
    if(label STREQUAL vm)
      set(limit 3600)  # a case of check-long compiles a kernel
    endif()
    gtest_discover_tests(${name} PROPERTIES LABELS ${label} TIMEOUT ${limit} DISCOVERY_MODE PRE_TEST)
  endif()
endfunction()

# cg_fuzz(NAME DEPS…): tests/fuzz/NAME/fuzz_*.cpp -> the libFuzzer program NAME_fuzz. It exists only in a build
# tree made with CG_FUZZ (clang); tests/fuzz/run.sh makes that tree.
function(cg_fuzz name)
  if(CG_FUZZ)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/fuzz_*.cpp)
    add_executable(${name}_fuzz ${sources})
    target_link_libraries(${name}_fuzz PRIVATE cg_options ${ARGN})
    target_include_directories(${name}_fuzz PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name}_fuzz)
  endif()
endfunction()
