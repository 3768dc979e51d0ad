# Programs beside the unit tests and fuzz harnesses.
add_executable(bench_reader bench/bench_reader.c)
target_compile_definitions(bench_reader PRIVATE CORPORA_FOLDER="${CMAKE_SOURCE_DIR}/../shared/corpora")
target_link_libraries(bench_reader PRIVATE reader)
set_target_properties(bench_reader PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
add_executable(bench_pool bench/bench_pool.c)
target_compile_definitions(bench_pool PRIVATE CORPORA_FOLDER="${CMAKE_SOURCE_DIR}/../shared/corpora"
                           READER_PROGRAM="${CMAKE_BINARY_DIR}/pinwatch-reader")
target_link_libraries(bench_pool PRIVATE steps PkgConfig::DEFLATE)
set_target_properties(bench_pool PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
