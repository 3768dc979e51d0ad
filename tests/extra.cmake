# Programs beside the unit tests and fuzz harnesses.
add_executable(bench_reader bench/bench_reader.c)
target_compile_definitions(bench_reader PRIVATE CORPORA_FOLDER="${CMAKE_SOURCE_DIR}/../shared/corpora")
target_link_libraries(bench_reader PRIVATE reader)
set_target_properties(bench_reader PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
