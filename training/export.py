def export_all(folder, install):
    pass
