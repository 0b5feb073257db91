"""What every room needs of files: whole or not there at all, and read without trust.

whole_file.py       a text in one step
private_folder.py   a folder to write in; what a killed process left there is swept
sealed_tensors.py   tensors that come back as they were written, or not at all
unnoticed.py        bytes without a trace of the reading
address.py          a path, or an https address with its digest
download.py         what is at such an address, whole and within limits
strict_json.py      JSON without NaN and without a name twice
sent_networks.py    networks saved in memory               packed.py            the same, for another process of ours
user_module.py      a user's own file or module, imported
code_digest.py      what a file computes                   function_digest.py   what one function of it does
imported_files.py   which files a file depends on          search_path.py       those that stand elsewhere
source_text.py      the text that counts of a file that may be edited
"""
